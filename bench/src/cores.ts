import { execFileSync } from "node:child_process";

/** The core of the proxies' workers, and that of everything else. */
export const CORES = { worker: "0", others: "1" } as const;

/**
 * With `--realtime` what is measured runs before everything else on the machine (SCHED_FIFO), which takes root: without it the
 * programs beside it take its time, and what it had in the caches.
 */
let isRealtime = false;

/** Says how processes are run from here on. */
export function useRealtime(value: boolean): void {
  isRealtime = value;
}

/** The command that runs another one on the second core. */
export function commandOnSecondCore(...command: readonly string[]): [file: string, ...args: string[]] {
  return ["taskset", "-c", CORES.others, ...(isRealtime ? ["chrt", "-f", "1"] : []), ...command];
}

/** Gives a running process, all its threads, to the workers' core. */
export function moveToFirstCore(pid: number): void {
  execFileSync("taskset", ["-apc", CORES.worker, String(pid)], { stdio: "ignore" });
  if (isRealtime) execFileSync("chrt", ["-a", "-f", "-p", "1", String(pid)], { stdio: "ignore" });
}
