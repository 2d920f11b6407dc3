import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";

const COUNT_SIGNALS = `
  let count = 0;
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => { count++; console.log(signal); });
  setInterval(() => {}, 1000);
  process.stdin.on("data", () => { console.log(count); process.exit(42); });
  console.log("ready");
`;

function startScript(script: string): { child: ChildProcess; nextLine: () => Promise<string | undefined> } {
  const runner = join(import.meta.dirname, "run-in-foreground.mjs");
  const child = spawn(process.execPath, [runner, script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, nextLine: async () => (await lines.next()).value };
}

it("passes a signal on once, though npm and the terminal both send it, and ends with the command's code", async () => {
  const { child, nextLine } = startScript(COUNT_SIGNALS);
  const ended = once(child, "exit");
  expect(await nextLine()).toBe("ready");
  child.kill("SIGINT");
  expect(await nextLine()).toBe("SIGINT");
  child.kill("SIGINT");
  child.stdin?.end("how many?");
  expect(await nextLine()).toBe("1");
  expect(await ended).toEqual([42, null]);
});

it("ends with 128 and the number of the signal that killed the command", async () => {
  const { child } = startScript("process.kill(process.pid, 'SIGKILL')");
  expect(await once(child, "exit")).toEqual([137, null]);
});
