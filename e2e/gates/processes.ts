import { readdirSync, readFileSync } from "node:fs";
import { until } from "../../njs/test/support/until.ts";

/** True while a process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  const state = readStat(pid)?.[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

/** The process's children, zombies left out; nobody's for 0. */
export function childrenOf(pid: number): number[] {
  if (pid === 0) return [];
  return readdirSync("/proc")
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(each => Number(readStat(each)?.[1]) === pid && isAlive(each));
}

/** The command that a process runs; "" for one that has ended, also a moment ago. */
export function readCommand(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Signals a process that may have ended. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 1) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Waits until none of these processes runs. */
export async function untilGone(pids: readonly number[]): Promise<void> {
  await until(
    () => !pids.some(isAlive),
    () => `processes ${pids.filter(isAlive)} are still there`,
  );
}

/** Waits until nothing of these processes runs: after a SIGSTOP their threads stop one by one, and go on until then. */
export async function untilStopped(pids: readonly number[]): Promise<void> {
  await until(
    () => pids.every(isStopped),
    () => `processes ${pids.filter(pid => !isStopped(pid))} still run`,
  );
}

function isStopped(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every(thread =>
      /^[TtZX]$/.test(readStat(`${pid}/task/${thread}`)?.[0] ?? "X"),
    );
  } catch {
    return true; // ended
  }
}

/** State and parent of /proc/<pid>/stat (proc_pid_stat(5), fields 3 and 4). */
function readStat(pid: number | string): [state: string, parent: string] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state = "", parent = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return [state, parent];
  } catch {
    return null; // ended in between
  }
}
