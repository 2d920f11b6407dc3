import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StackDescription } from "../../../sandbox/src/stack/stack-file.ts";

export type { StackDescription };

/** A stack of this test's own, started by the sandbox's script and known by its `stack.json` alone. */
export interface Stack {
  description: StackDescription;
  /** URL of its PostgreSQL, for what no call of an API does. */
  readonly databaseUrl: string;
  /** Ends a part's process as a crash would; the stack brings it back by itself. */
  crash(part: "api"): void;
  stop(): Promise<void>;
}

const main = fileURLToPath(new URL("../../../sandbox/src/main.ts", import.meta.url));

/**
 * Starts the stack in a state folder of its own. Rejects with its output when it ends before it is ready.
 *
 * @param settings environment variables for it, such as `LINKGATE_CUSTOMER_WRITES`
 * @param parts `portal` serves the portal too, which takes memory and a second
 */
export async function startStack(
  settings: Record<string, string> = {},
  { portal = false }: { portal?: boolean } = {},
): Promise<Stack> {
  const state = mkdtempSync(join(tmpdir(), "linkgate-e2e-"));
  const child = spawn(process.execPath, [main, "--no-story", ...(portal ? [] : ["--no-portal"])], {
    env: { ...process.env, ...settings, LINKGATE_STATE_DIR: state },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: string[] = [];
  child.stdout.on("data", chunk => output.push(String(chunk)));
  child.stderr.on("data", chunk => output.push(String(chunk)));
  const file = join(state, "stack.json");
  try {
    await untilWritten(file, child, output);
  } catch (error) {
    rmSync(state, { recursive: true, force: true });
    throw error;
  }
  return {
    description: JSON.parse(readFileSync(file, "utf8")) as StackDescription,
    get databaseUrl() {
      return readDatabaseUrl(join(state, "sandbox", "postgres"));
    },
    crash(part) {
      const { children } = JSON.parse(readFileSync(join(state, "stack.pid"), "utf8"));
      process.kill(Number.parseInt(children[part], 10), "SIGKILL");
    },
    async stop() {
      await end(child);
      rmSync(state, { recursive: true, force: true });
    },
  };
}

function readDatabaseUrl(folder: string): string {
  // root's server may have to keep its files elsewhere, and says so.
  const moved = join(folder, "moved-to");
  const home = existsSync(moved) ? readFileSync(moved, "utf8") : folder;
  const [password, port] = ["password", "port"].map(name => readFileSync(join(home, name), "utf8").trim());
  return `postgres://linkgate:${password}@127.0.0.1:${port}/postgres`;
}

/** Resolves when `file` is there; the child says something on each of its steps, so its output is the event to look at. */
function untilWritten(file: string, child: ChildProcess, output: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (existsSync(file)) resolve();
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.once("exit", code =>
      reject(new Error(`The stack ended with ${code} before it was ready:\n${output.join("")}`)),
    );
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
