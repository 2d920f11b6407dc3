import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";

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

/**
 * Has idle cores poll for work (PM QoS, as the tuned profile for low latency does) until the result is called. A core that sleeps
 * is woken by the one that has something for it, which in a virtual machine leaves for the hypervisor: a proxy that keeps the
 * load generator less busy would pay for that at each packet.
 * @returns what lets them sleep again; null where the machine has no such control, or this process no right to it
 */
export function keepCoresAwake(): (() => void) | null {
  try {
    const control = openSync("/dev/cpu_dma_latency", "r+");
    writeSync(control, new Uint8Array(4)); // a latency of 0 us, for as long as it is open
    return () => closeSync(control);
  } catch {
    return null;
  }
}
