import type { FastifyBaseLogger } from "fastify";
import { type Background, startInBackground } from "../background.ts";
import type { OpenDatabase } from "../database/open.ts";
import { findUnsettledAccount } from "./repository.ts";
import { followSubscription, settleAll } from "./service.ts";

/** Pass `{ ...database, log }`. */
export interface SubscriptionWorkerOptions extends Pick<OpenDatabase, "db" | "notifications"> {
  readonly log: FastifyBaseLogger;
}

/** Seconds. What is left to do wakes us up; these are for a wake-up that got lost, and after a failure. */
const LOOK_AGAIN = { unsettled: 2, idle: 15 };

/**
 * Brings the accounts of every subscription into its state until stopped. What is left to be done is read from the
 * tables each time, so any number of replicas may run it, and one that dies in the middle leaves nothing undone.
 */
export function startSubscriptionWorker(options: SubscriptionWorkerOptions): Background {
  return startInBackground(signal => run(options, signal));
}

async function run({ db, notifications, log }: SubscriptionWorkerOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const seen = notifications.count("operations");
    let seconds = LOOK_AGAIN.unsettled;
    try {
      for (;;) {
        const account = signal.aborted ? undefined : await findUnsettledAccount(db);
        if (account === undefined) break;
        await followSubscription({ db }, account);
        log.info({ account }, "account was brought into its subscription's state");
      }
      if (!(await settleAll(db))) seconds = LOOK_AGAIN.idle;
    } catch (error) {
      log.warn({ err: error, retryIn: seconds }, "subscriptions could not be followed");
    }
    await notifications.wait("operations", seen, seconds, signal);
  }
}
