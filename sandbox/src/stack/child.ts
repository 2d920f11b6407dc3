import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { readTail } from "./log-tail.ts";

/** What a child process of the stack is started with. */
export interface ChildOptions {
  /** For messages: `api`, `NGINX`. */
  name: string;
  /** A script of the product, run by this Node. */
  script: string;
  env: Record<string, string>;
  /** Takes stderr, and what comes on stdout after the ready line. */
  logFile: string;
  /** Milliseconds until the ready line. */
  startLimitMs: number;
}

/** A part of the product that runs as a process of its own. */
export interface Child {
  pid: number;
  /** The one line of JSON that the script prints when it is ready. */
  ready: Record<string, unknown>;
  /** Settles when the process has ended, in whatever way. */
  exited: Promise<string>;
  /** Signals the process and waits for its end; after `limitMs` it is killed with all of its group. */
  stop(signal: NodeJS.Signals, limitMs?: number): Promise<void>;
}

const stopLimitMs = 30_000;

/**
 * Starts a script in a process group of its own, so that a Ctrl-C reaches the stack alone, which then stops its parts
 * in order. Resolves with the ready line.
 *
 * @throws Error with the end of the log where the process ends, or says nothing, before that.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const log = openSync(options.logFile, "a", 0o600);
  const child = spawn(process.execPath, [options.script], {
    env: options.env,
    stdio: ["ignore", "pipe", log],
    detached: true,
  });
  const exited = new Promise<string>(resolve => {
    child.once("exit", (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
    child.once("error", error => resolve(error.message));
  });
  const stop = async (signal: NodeJS.Signals, limitMs = stopLimitMs): Promise<void> => {
    signalChild(child, signal);
    const killer = setTimeout(() => killGroup(child), limitMs);
    await exited;
    clearTimeout(killer);
  };
  try {
    const ready = await readReadyLine(child, options, exited);
    return { pid: child.pid ?? 0, ready, exited, stop };
  } catch (error) {
    await stop("SIGTERM");
    throw error;
  }
}

async function readReadyLine(
  child: ChildProcess,
  options: ChildOptions,
  exited: Promise<string>,
): Promise<Record<string, unknown>> {
  let text = "";
  const line = new Promise<string>(resolve => {
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
  });
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), options.startLimitMs);
  const silent = once(limit.signal, "abort").then(() => `no ready line within ${options.startLimitMs / 1000} s`);
  const ended = exited.then(how => `it ended with ${how}`);
  try {
    const first = await Promise.race([line.then(found => ({ found })), ended, silent]);
    if (typeof first === "string") {
      throw new Error(`${options.name} did not start: ${first}.\n${await readTail(options.logFile)}`);
    }
    return JSON.parse(first.found) as Record<string, unknown>;
  } finally {
    clearTimeout(timer);
  }
}

function signalChild(child: ChildProcess, signal: NodeJS.Signals): void {
  if (signal === "SIGKILL") killGroup(child);
  else child.kill(signal);
}

/** NGINX's master and workers are in the group of their supervisor. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL");
  }
}
