import { setTimeout as delay } from "node:timers/promises";
import type { FastifyBaseLogger } from "fastify";
import type { Notifications, Topic } from "./database/notifications.ts";

/** Something that goes on until it is stopped. */
export interface Background {
  /** Resolves when it has ended. Twice is once. */
  stop(): Promise<void>;
}

/** Work that is read from the tables each time, so that any number of replicas may do it and any may die. */
export interface Work {
  readonly notifications: Notifications;
  readonly log: FastifyBaseLogger;
  /** What wakes it up before its time; undefined for nothing. */
  readonly topic: Topic | undefined;
  /** Does what can be done now. @returns seconds until there may be more to do */
  pass(signal: AbortSignal): Promise<number>;
  /** What the log says of a pass that failed, and how many seconds after so many failures in a row the next one comes. */
  readonly failure: { readonly sentence: string; retryIn(failures: number): number };
}

/** Does the work again and again. */
export function startWork(work: Work): Background {
  const stopping = new AbortController();
  const running = run(work, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function run({ notifications, log, topic, pass, failure }: Work, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const seen = topic === undefined ? 0 : notifications.count(topic);
    let seconds: number;
    try {
      seconds = await pass(signal);
      failures = 0;
    } catch (error) {
      failures += 1;
      seconds = failure.retryIn(failures);
      log.warn({ err: error, retryIn: seconds }, failure.sentence);
    }
    if (topic === undefined) await delay(seconds * 1000, undefined, { signal }).catch(() => {});
    else await notifications.wait(topic, seen, seconds, signal);
  }
}
