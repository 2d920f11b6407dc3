import fs from "node:fs";

/** A moment by both clocks, in milliseconds; feed rule 15 wants both. */
export type Moment = {
  /** Since 1970, as the machine's clock has it: anyone who sets that clock moves it. */
  readonly wall: number;
  /** Since the machine started: it never goes back, and it goes on while the machine sleeps. */
  readonly uptime: number;
};

/**
 * Reads both clocks. njs has no monotonic clock of its own; `/proc/uptime` is Linux's, in steps of 10 ms.
 * @throws Error when /proc is not there
 */
export function readMoment(): Moment {
  return { wall: Date.now(), uptime: readUptime() };
}

/** Milliseconds since the machine started. @throws Error when /proc is not there */
export function readUptime(): number {
  const seconds = Number.parseFloat(fs.readFileSync("/proc/uptime", "utf8"));
  if (!(seconds > 0)) throw new Error("/proc/uptime can't be read");
  return Math.round(seconds * 1000);
}
