import { readFileSync } from "node:fs";
import { readChildren, readCpuSeconds } from "../processes.ts";
import { median } from "../statistics.ts";

/** Milliseconds below which half and 99 of 100 lie. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** Throws for an empty list. */
export function summarize(milliseconds: readonly number[]): Latency {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  if (sorted.length === 0) throw new Error("nothing was measured");
  return { p50: at(0.5), p99: at(0.99) };
}

/** The medians of several rounds. */
export function medianOf(rounds: readonly Latency[]): Latency {
  return { p50: median(rounds.map(({ p50 }) => p50)), p99: median(rounds.map(({ p99 }) => p99)) };
}

export const show = ({ p50, p99 }: Latency): string => `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;

/** CPU seconds of a process and all below it, those that have ended among them. */
export function readTreeCpu(pid: number): number {
  return readChildren(pid).reduce((sum, child) => sum + readTreeCpu(child), readCpuSeconds(pid) + readEndedCpu(pid));
}

/** CPU seconds of the children that a process has waited for: fields 16 and 17 of its stat, in hundredths (proc_pid_stat(5)). */
function readEndedCpu(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** How busy the machine is: the load of the last minute, and its cores. */
export function readLoad(): string {
  const [load] = readFileSync("/proc/loadavg", "utf8").split(" ");
  return `load ${load} on ${readFileSync("/proc/cpuinfo", "utf8").match(/^processor/gm)?.length} cores`;
}
