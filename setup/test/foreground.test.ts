import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";

const TELL_SIGNALS = `
  process.on("SIGINT", () => console.log("SIGINT"));
  process.on("SIGTERM", () => { console.log("SIGTERM"); process.exit(42); });
  setInterval(() => {}, 1000);
  console.log("ready");
`;

function startScript(script: string): { child: ChildProcess; nextLine: () => Promise<string | undefined> } {
  const runner = join(import.meta.dirname, "run-in-foreground.mjs");
  const child = spawn(process.execPath, [runner, script], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, nextLine: async () => (await lines.next()).value };
}

it("passes a signal on once, though npm and the terminal both send it, and ends with the command's code", async () => {
  const { child, nextLine } = startScript(TELL_SIGNALS);
  const ended = once(child, "exit");
  expect(await nextLine()).toBe("ready");
  child.kill("SIGINT");
  expect(await nextLine()).toBe("SIGINT");
  child.kill("SIGINT");
  child.kill("SIGTERM");
  expect(await nextLine()).toBe("SIGTERM");
  expect(await ended).toEqual([42, null]);
});

it("ends with 128 and the number of the signal that killed the command", async () => {
  const { child } = startScript("process.kill(process.pid, 'SIGKILL')");
  expect(await once(child, "exit")).toEqual([137, null]);
});
