import type { FastifyBaseLogger } from "fastify";
import { type Background, startWork } from "../background.ts";
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
export function startSubscriptionWorker({ db, notifications, log }: SubscriptionWorkerOptions): Background {
  return startWork({
    notifications,
    log,
    topic: "operations",
    failure: { sentence: "subscriptions could not be followed", retryIn: () => LOOK_AGAIN.unsettled },
    async pass(signal) {
      for (;;) {
        const account = signal.aborted ? undefined : await findUnsettledAccount(db);
        if (account === undefined) break;
        await followSubscription({ db }, account);
        log.info({ account }, "account was brought into its subscription's state");
      }
      return (await settleAll(db)) ? LOOK_AGAIN.unsettled : LOOK_AGAIN.idle;
    },
  });
}
