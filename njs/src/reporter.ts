import { readUptime } from "./clock.ts";
import { sendReport } from "./feed-client.ts";
import { readIncarnation } from "./incarnation.ts";
import { holdsLease } from "./lease.ts";
import { withLock } from "./lock.ts";
import { recordFailure } from "./record.ts";
import { prepareReport, type Report, settleReport } from "./report.ts";
import { Backoff, pauseIn, type Run, timeLeft } from "./run.ts";
import type { GateSettings } from "./settings.ts";

const PACE_MS = 1000;
/** An answer that comes after the end of its run would be nobody's; the next run sends the same report. */
const SHORTEST_SEND_MS = 400;

/** Tells the api what was counted, as long as this worker has the lease. Never throws: the table must be followed all the same. */
export async function runReporter(run: Run, settings: GateSettings): Promise<void> {
  const backoff = new Backoff();
  while (!run.isOver && timeLeft(run) > SHORTEST_SEND_MS) {
    try {
      await reportOnce(run, settings);
      backoff.reset();
      await pauseIn(run, PACE_MS);
    } catch (error) {
      noteFailure(String(error));
      await pauseIn(run, backoff.next());
    }
  }
}

async function reportOnce(run: Run, settings: GateSettings): Promise<void> {
  const uptime = readUptime();
  const report = withLock(run.me, uptime, () =>
    holdsLease(run.me, uptime) ? prepareReport(readIncarnation(), uptime) : null,
  );
  if (report === null) return;
  const answer = await sendReport(settings, report, run.over);
  if (answer === null) return;
  if (answer.status !== 204) {
    if (!isRefusal(answer.status)) throw new Error(`the feed answered a report with ${answer.status}`);
    noteFailure(`the feed refused a report with ${answer.status}; what was counted in it is dropped`);
  }
  await settle(run, report);
}

/** True for what the same report would be answered again. */
function isRefusal(status: number): boolean {
  return status === 400 || status === 413;
}

/** Should the lock not be to be had, the report is sent once more, and counted once all the same. */
async function settle(run: Run, report: Report): Promise<void> {
  for (let tries = 0; tries < 100 && !run.isOver; tries++) {
    const isDone = withLock(run.me, readUptime(), () => {
      settleReport(report);
      return true;
    });
    if (isDone) return;
    await pauseIn(run, 5);
  }
}

function noteFailure(text: string): void {
  try {
    recordFailure("reports", text);
  } catch {
    // The zone for notes is full; there is nothing to be told that anyone could read.
  }
}
