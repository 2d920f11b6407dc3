import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { until } from "./support/azure.ts";
import { isRunning, readChildren } from "./support/stack.ts";

/** Whole stacks, on a machine that runs other tests as well. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

const script = fileURLToPath(new URL("../src/main.ts", import.meta.url));
let state: string;
let started: ChildProcess[];

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), "linkgate-main-"));
  started = [];
});
afterEach(async () => {
  for (const child of started) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  await rm(state, { recursive: true, force: true });
});

interface Run {
  child: ChildProcess;
  output(): string;
  exit: Promise<number | null>;
}

function run(...args: string[]): Run {
  const env = { ...process.env, LINKGATE_STATE_DIR: state, NO_COLOR: "1" };
  const child = spawn(process.execPath, [script, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", chunk => (text += String(chunk)));
  return { child, output: () => text, exit: once(child, "close").then(([code]) => code as number | null) };
}

it("--once tells the story, leaves nothing behind and exits 0", async () => {
  const { output, exit } = run("--once");
  expect(await exit, output()).toBe(0);
  expect(output()).toMatch(/\n✓ 5 +allow +200 +private-link +PROXY v2 .*10\.1\.1\.4:822088585/);
  expect(output()).toMatch(/\n(\d+) of \1 as expected, in /);
  expect(output()).not.toContain("✗");
  expect(existsSync(join(state, "stack.json"))).toBe(false);
});

it.each(["SIGINT", "SIGTERM"] as const)("stays up until %s, then ends every process", async signal => {
  const { child, output, exit } = run("--no-story");
  await until("the stack is up", () => (output().includes("Ctrl-C stops it all.") ? true : undefined));
  expect(existsSync(join(state, "stack.json"))).toBe(true);
  const children = await readChildren(state);
  child.kill(signal);
  expect(await exit, output()).toBe(0);
  expect(existsSync(join(state, "stack.json"))).toBe(false);
  for (const [part, pid] of Object.entries(children)) expect(isRunning(pid), part).toBe(false);
});

it("stops cleanly in the middle of its start", async () => {
  const { child, output, exit } = run("--once");
  await until("PostgreSQL is up", () => (output().includes("PostgreSQL") ? true : undefined));
  const children = await readChildren(state);
  child.kill("SIGINT");
  expect(await exit, output()).toBe(1);
  expect(output()).not.toContain("✗");
  for (const [part, pid] of Object.entries(children)) expect(isRunning(pid), part).toBe(false);
  expect(existsSync(join(state, "stack.pid"))).toBe(false);
});

it("refuses a folder that a living stack uses, and leaves that one alone", async () => {
  const first = run("--no-story");
  await until("the stack is up", () => (first.output().includes("Ctrl-C stops it all.") ? true : undefined));
  const second = run("--no-story");
  expect(await second.exit).toBe(1);
  expect(second.output()).toContain("A stack is running already");
  expect(existsSync(join(state, "stack.json"))).toBe(true);
  for (const pid of Object.values(await readChildren(state))) expect(isRunning(pid)).toBe(true);
});

it("takes over from a stack that was killed outright", async () => {
  const first = run("--no-story");
  await until("the stack is up", () => (first.output().includes("Ctrl-C stops it all.") ? true : undefined));
  const left = await readChildren(state);
  const master = Number(await readFile(join(state, "sandbox", "nginx", "nginx.pid"), "utf8"));
  process.kill(left.nginx ?? 0, "SIGKILL");
  first.child.kill("SIGKILL");
  await first.exit;
  const second = run("--once");
  expect(await second.exit, second.output()).toBe(0);
  for (const [part, pid] of Object.entries({ ...left, master })) expect(isRunning(pid), part).toBe(false);
});

it("explains itself, and refuses what it does not know", async () => {
  const help = run("--help");
  expect(await help.exit).toBe(0);
  expect(help.output()).toContain("--once");
  const wrong = run("--twice");
  expect(await wrong.exit).toBe(64);
  expect(wrong.output()).toContain("--twice");
});
