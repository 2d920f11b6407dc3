import fs from "node:fs";
import { readMoment, readUptime } from "./clock.ts";
import { expireByUptime } from "./expiry.ts";
import { sendPoll } from "./feed-client.ts";
import { readIncarnation } from "./incarnation.ts";
import { holdsLease, leaveLease, takeLease } from "./lease.ts";
import { readOwnProcessId, withLock } from "./lock.ts";
import { recordFailure } from "./record.ts";
import { runReporter } from "./reporter.ts";
import { Backoff, pauseIn, type Run, timeLeft } from "./run.ts";
import type { GateSettings } from "./settings.ts";
import { applyAnswer, preparePoll, type SentPoll } from "./sweep.ts";
import { readStateText } from "./table.ts";
import { Timer } from "./timer.ts";

// All workers keep watch; the one that has the lease follows the feed, and reports.

const SHORTEST_POLL_MS = 400;
/** njs can't end a fetch: a worker that is told to stop is held back until its poll has been answered. */
const LONGEST_WAIT_S = 5;
const WATCH_MS = 500;
const LOCK_TRIES = 100;

/**
 * Runs for a minute: keeps watch and, with the lease, follows the feed and reports.
 * @throws Error when /proc is not there; NGINX logs it
 */
export async function runFollower(settings: GateSettings): Promise<void> {
  const me = readOwnProcessId();
  ngx.shared.lg_meta.set(workerKey(), me);
  let end = (_: null): void => {};
  const over = new Promise<null>(resolve => {
    end = resolve;
  });
  const run: Run = { me, begun: readUptime(), isOver: false, over };
  await Promise.all([watch(run, settings).then(() => end(null)), lead(run, settings), runReporter(run, settings)]);
  withLock(me, readUptime(), () => leaveLease(me));
}

/** Renews the lease while this worker leads, and looks at the age by the monotonic clock, which no request can. */
async function watch(run: Run, settings: GateSettings): Promise<void> {
  while (timeLeft(run) > 0 && !isRetired(run, settings)) {
    const { me } = run;
    const uptime = readUptime();
    withLock(me, uptime, () => {
      if (holdsLease(me, uptime)) takeLease(me, uptime);
      expireByUptime(uptime);
    });
    await new Timer(Math.min(WATCH_MS, timeLeft(run))).over;
  }
  run.isOver = true;
}

/** Polls, one at a time, as long as this worker has the lease. */
async function lead(run: Run, settings: GateSettings): Promise<void> {
  const backoff = new Backoff();
  while (!run.isOver && timeLeft(run) > SHORTEST_POLL_MS) {
    if (withLock(run.me, readUptime(), () => takeLease(run.me, readUptime())) !== true) {
      await pauseIn(run, WATCH_MS);
      continue;
    }
    try {
      await pollOnce(run, settings);
      backoff.reset();
    } catch (error) {
      recordFailure("follower", String(error));
      await pauseIn(run, backoff.next());
    }
  }
}

async function pollOnce(run: Run, settings: GateSettings): Promise<void> {
  const poll = preparePoll(readIncarnation(), readMoment(), settings.maxTableAge);
  const { cursor } = poll.state;
  const wait = chooseWait(timeLeft(run), settings.maxTableAge);
  const answer = await sendPoll(settings, { incarnation: poll.incarnation, cursor, wait }, run.over);
  if (answer === null) return; // the run is over: the answer is nobody's
  for (let tries = 0; tries < LOCK_TRIES; tries++) {
    const uptime = readUptime();
    const isDone = withLock(run.me, uptime, () => {
      // Only the current poll's answer counts (feed rule 17), and only on the state that it was sent from (rule 20).
      if (isCurrent(run, poll, uptime)) applyAnswer(poll, answer);
      return true;
    });
    if (isDone) return;
    await new Timer(5).over;
  }
  throw new Error("the lock was not to be had; the answer is dropped");
}

/** Seconds that the feed may wait: within the run, and a small part of the table's life, which counts from when the poll is sent. */
function chooseWait(leftMs: number, maxTableAge: number): number {
  const tenths = Math.min(LONGEST_WAIT_S * 10, maxTableAge * 2, (leftMs - 250) / 100);
  return Math.max(0, Math.floor(tenths)) / 10;
}

function isCurrent(run: Run, poll: SentPoll, uptime: number): boolean {
  return (
    !run.isOver &&
    holdsLease(run.me, uptime) &&
    readStateText() === poll.stateText &&
    readIncarnation() === poll.incarnation
  );
}

/** True once a newer worker has this one's number (a reload), or NGINX was told to stop: a run holds a worker back. */
function isRetired(run: Run, settings: GateSettings): boolean {
  return ngx.shared.lg_meta.get(workerKey()) !== run.me || exists(`${settings.runDir}/stopping`);
}

function workerKey(): string {
  return `worker ${ngx.worker_id}`;
}

function exists(path: string): boolean {
  try {
    fs.accessSync(path);
    return true;
  } catch {
    return false;
  }
}
