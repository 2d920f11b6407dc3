import { isDatabaseUnavailable } from "../database/database-errors.ts";
import { enterCurrentEpoch, holdEpoch, type RegistryState, RegistryUnavailable } from "../database/epoch.ts";
import type { OpenDatabase } from "../database/open.ts";
import {
  areStillLive,
  CursorForgotten,
  type CursorRow,
  type Hearing,
  type Recorded,
  recordPolls,
} from "../gates/repository.ts";
import { findChanged, type PageWish, takePages } from "./sweep.ts";
import { together } from "./together.ts";

/** Seconds between two looks at the data of a poll that is held back; nobody has to wake it up, and it stays heard. */
const LOOK_AGAIN = 5;
/**
 * Milliseconds. Polls that are held back without news end on the beat of this, a little early, so that many are answered, and come
 * back, together. Those that are held back for less than {@link SHORT} seconds end when they say.
 */
const BEAT = 1000;
const SHORT = 3;

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

/** Answers one poll; see {@link createPollAnswerer}. */
export type AnswerPoll = (poll: Poll, hungUp: AbortSignal, hurry: AbortSignal) => Promise<PollAnswer>;

/**
 * Makes the function that answers polls, in the order of feed rule 12: record, then a new snapshot, then read and hand out. Polls
 * that come at one time take each of these steps together, which changes nothing in its order for any of them.
 *
 * The function takes a signal that aborts when the client is gone: nothing is read for it any more; and one that aborts when the
 * server is about to stop: the answer comes at once. It throws RegistryUnavailable on a standby, or while a changed epoch has not
 * been released.
 */
export function createPollAnswerer({ db, notifications }: OpenDatabase): AnswerPoll {
  const isForAll = (error: unknown): boolean => error instanceof RegistryUnavailable || isDatabaseUnavailable(error);
  const record = together<Hearing, Recorded & RegistryState>(
    async hearings => {
      const { epoch, released } = await enterCurrentEpoch(db);
      return (await recordPolls(db, hearings)).map(recorded => ({ ...recorded, epoch, released }));
    },
    ({ incarnation }) => incarnation,
    isForAll,
  );
  const hasChanged = together<string, boolean>(
    async bases => {
      const changed = await findChanged(db, [...new Set(bases)]);
      return bases.map(base => changed.has(base));
    },
    () => undefined,
    isForAll,
  );
  const isStillLive = together<{ incarnation: string; cursor: string }, boolean | "forgotten">(
    polls => areStillLive(db, polls),
    ({ incarnation }) => incarnation,
    isForAll,
  );
  const take = together<PageWish, { readonly page: string } | "drop" | "forgotten">(
    wishes => takePages(db, wishes),
    ({ hearing }) => hearing.incarnation,
    isForAll,
  );

  /** Waits for news, or until the time is over. Returns false if the gate was retired or given up meanwhile. */
  async function holdBack(
    { incarnation, wait }: Poll,
    { cursor, sweep }: CursorRow,
    signal: AbortSignal,
  ): Promise<boolean> {
    const end = endOf(wait);
    let isHeldBack = false;
    while (!signal.aborted) {
      const seen = notifications.count("feed");
      if (await hasChanged(sweep)) return true;
      // An open poll counts as being heard; the age that a barrier waits for only grows by it. One that has been woken
      // up for news is answered first: whether the gate is still live is looked at then.
      if (isHeldBack) {
        const live = await isStillLive({ incarnation, cursor });
        if (live === "forgotten") throw new CursorForgotten();
        if (!live) return false;
      }
      const left = (end - performance.now()) / 1000;
      if (left <= 0) return true;
      await notifications.wait("feed", seen, Math.min(left, LOOK_AGAIN), signal);
      isHeldBack = true;
    }
    return true;
  }

  /** A first load's pages are large: nobody else waits for them. */
  const takeAlone = async (wish: PageWish) => (await takePages(db, [wish]))[0] ?? "drop";

  return async (poll, hungUp, hurry) => {
    const recorded = await record(poll);
    const { epoch, released } = recorded;
    if (recorded.kind === "lost") {
      await holdEpoch(db, epoch);
      throw new RegistryUnavailable("the database was put back to an older state; the registry is held");
    }
    if (recorded.kind === "drop" || recorded.kind === "stranger") return { kind: recorded.kind };
    // feed rule 9: gates go on with the table they have, for as long as it lives. They are heard all the same.
    if (!released) throw new RegistryUnavailable("the registry has not been released after a change of epoch");
    if (recorded.kind === "keep") return { kind: "keep" };

    const { cursor } = recorded;
    const isBetween = cursor !== undefined && cursor.last_account === null;
    if (isBetween && !(await holdBack(poll, cursor, AbortSignal.any([hungUp, hurry])))) return { kind: "drop" };
    if (hungUp.aborted) return { kind: "gone" };
    const wish = { hearing: poll, cursor, limit: poll.limit };
    const page = await (isBetween ? take(wish) : takeAlone(wish));
    if (page === "forgotten") throw new CursorForgotten();
    return page === "drop" ? { kind: "drop" } : { kind: "page", page: page.page };
  };
}

/** When a poll that waits so many seconds is answered at the latest, in milliseconds of `performance.now()`. */
function endOf(wait: number): number {
  const end = performance.now() + wait * 1000;
  return wait < SHORT ? end : Math.floor(end / BEAT) * BEAT;
}
