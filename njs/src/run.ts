import { readUptime } from "./clock.ts";
import type { ProcessId } from "./lock.ts";
import { Timer } from "./timer.ts";

// js_periodic starts a run in every worker each minute, because NGINX frees a run's memory only when it ends.

/** The interval of js_periodic is 60 s; a run that is longer is killed by the next. */
const RUN_MS = 59_700;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** One run of one worker. */
export type Run = { readonly me: ProcessId; readonly begun: number; isOver: boolean; readonly over: Promise<null> };

/** Milliseconds that a run may still take. */
export function timeLeft(run: Run): number {
  return run.begun + RUN_MS - readUptime();
}

/** Waits, unless the run is over before. */
export async function pauseIn(run: Run, milliseconds: number): Promise<void> {
  const timer = new Timer(milliseconds);
  await Promise.race([timer.over, run.over]);
  timer.stop();
}

/** The pauses after one failure and another: longer each time, with jitter, so that a region's gates don't come back together. */
export class Backoff {
  private pause = FIRST_PAUSE_MS;

  /** What was tried has worked. */
  reset(): void {
    this.pause = FIRST_PAUSE_MS;
  }

  /** Milliseconds to wait after a failure. */
  next(): number {
    const pause = this.pause * (0.5 + Math.random() / 2);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
    return pause;
  }
}
