import { enterCurrentEpoch, holdEpoch, RegistryUnavailable } from "../database/epoch.ts";
import type { OpenDatabase } from "../database/open.ts";
import { type CursorRow, type Hearing, isStillLive, recordPoll } from "../gates/repository.ts";
import { hasChanged, takePage } from "./sweep.ts";

/** Seconds between two looks at the data of a poll that is held back; nobody has to wake it up, and it stays heard. */
const LOOK_AGAIN = 5;

export interface Poll extends Hearing {
  /** Seconds that the answer may be held back while there is no news. */
  readonly wait: number;
  /** Lines. */
  readonly limit: number;
}

/** The answer to a poll; `gone` when the client hung up before there was one. */
export type PollAnswer =
  | { readonly kind: "page"; readonly page: string }
  | { readonly kind: "keep" | "drop" | "stranger" | "gone" };

/**
 * Answers a poll, in the order of feed rule 12: record, then a new snapshot, then read and hand out.
 *
 * @param hungUp aborts when the client is gone: nothing is read for it any more.
 * @param hurry aborts when the server is about to stop: the answer comes at once.
 * @throws RegistryUnavailable on a standby, or while a changed epoch has not been released
 */
export async function answerPoll(
  database: OpenDatabase,
  poll: Poll,
  hungUp: AbortSignal,
  hurry: AbortSignal,
): Promise<PollAnswer> {
  const { epoch, released } = await enterCurrentEpoch(database.db);
  const recorded = await recordPoll(database.db, poll);
  if (recorded.kind === "lost") {
    await holdEpoch(database.db, epoch);
    throw new RegistryUnavailable("the database was put back to an older state; the registry is held");
  }
  if (recorded.kind === "drop" || recorded.kind === "stranger") return recorded;
  // feed rule 9: gates go on with the table they have, for as long as it lives. They are heard all the same.
  if (!released) throw new RegistryUnavailable("the registry has not been released after a change of epoch");
  if (recorded.kind === "keep") return recorded;

  const { cursor } = recorded;
  if (cursor !== undefined && cursor.last_account === null) {
    const isLive = await holdBack(database, poll, cursor, AbortSignal.any([hungUp, hurry]));
    if (!isLive) return { kind: "drop" };
  }
  if (hungUp.aborted) return { kind: "gone" };
  const page = await takePage(database.db, poll, cursor, poll.limit);
  return page === undefined ? { kind: "drop" } : { kind: "page", page };
}

/** Waits for news, or until the time is over. Returns false if the gate was retired or given up meanwhile. */
async function holdBack(
  { db, notifications }: OpenDatabase,
  { incarnation, wait }: Poll,
  cursor: CursorRow,
  signal: AbortSignal,
): Promise<boolean> {
  const end = performance.now() + wait * 1000;
  let isHeldBack = false;
  while (!signal.aborted) {
    const seen = notifications.count("feed");
    if (await hasChanged(db, cursor.sweep)) return true;
    // An open poll counts as being heard; the age that a barrier waits for only grows by it. One that has been woken
    // up for news is answered first: whether the gate is still live is looked at then.
    if (isHeldBack && !(await isStillLive(db, incarnation, cursor))) return false;
    const left = (end - performance.now()) / 1000;
    if (left <= 0) return true;
    await notifications.wait("feed", seen, Math.min(left, LOOK_AGAIN), signal);
    isHeldBack = true;
  }
  return true;
}
