import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it, onTestFinished } from "vitest";
import { makeFolder } from "./support.ts";

interface Holder {
  child: ChildProcess;
  /** The next line it prints, or undefined when it has ended. */
  nextLine(): Promise<string | undefined>;
}

function startHolder(file: string): Holder {
  const child = spawn(process.execPath, [join(import.meta.dirname, "hold-lock.mjs"), file], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, nextLine: async () => (await lines.next()).value };
}

it("lets the second wait, names the owner, and hands over when the first has ended", async () => {
  const file = join(makeFolder(), "cache", "setup.lock");
  const first = startHolder(file);
  expect(await first.nextLine()).toBe("locked");
  const second = startHolder(file);
  expect(await second.nextLine()).toBe(`waiting for ${first.child.pid}`);
  first.child.stdin?.end();
  expect(await second.nextLine()).toBe("locked");
  second.child.stdin?.end();
  expect(await once(second.child, "exit")).toEqual([0, null]);
});

it("is free at once when its owner was killed", async () => {
  const file = join(makeFolder(), "setup.lock");
  const first = startHolder(file);
  expect(await first.nextLine()).toBe("locked");
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  const second = startHolder(file);
  expect(await second.nextLine()).toBe("locked");
});
