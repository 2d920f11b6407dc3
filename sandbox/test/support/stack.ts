import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The process ids of a stack's parts, by name, from the claim on its state folder. */
export async function readChildren(state: string): Promise<Record<string, number>> {
  const { children } = JSON.parse(await readFile(join(state, "stack.pid"), "utf8")) as {
    children: Record<string, string>;
  };
  return Object.fromEntries(Object.entries(children).map(([part, identity]) => [part, Number.parseInt(identity, 10)]));
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
