import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import pg from "pg";
import type { Queryable } from "./schema.ts";

/**
 * What a NOTIFY may wake: the gates' polls, the workers, or whoever looks on (`admin/changes`). That of `counts` says which
 * accounts' lives, with commas between them, were told of.
 */
export type Topic = "feed" | "operations" | "changes" | "counts";

/** What each topic is called in PostgreSQL. */
export const channels: Readonly<Record<Topic, string>> = {
  feed: "linkgate_feed",
  operations: "linkgate_operations",
  changes: "linkgate_changes",
  counts: "linkgate_counts",
};
const topics = Object.keys(channels) as Topic[];

/**
 * Wake-ups from other transactions and other replicas over one shared connection. They are hints: one may come for
 * nothing, and one may be lost, so whoever waits also looks again on a timer of its own.
 */
export interface Notifications {
  /** How many wake-ups there were. Read it, look at the data, then wait for more than it: nothing in between is lost. */
  count(topic: Topic): number;
  /** Resolves when `count(topic)` is no longer `seen`, after `seconds`, or when the signal aborts. Never rejects. */
  wait(topic: Topic, seen: number, seconds: number, signal: AbortSignal): Promise<void>;
  /**
   * Passes on what each wake-up of the topic says, and undefined when some may have been missed: whenever listening has
   * begun, at first and after the connection was lost. Returns what ends it.
   */
  listen(topic: Topic, listener: (said: string | undefined) => void): () => void;
  /** Ends the connection and every wait so far; who waits later waits for the time alone. */
  close(): Promise<void>;
}

/** Wakes whoever waits for one of the topics, here and in the other replicas, when the transaction commits. */
export async function notify(tx: Queryable, ...wanted: readonly Topic[]): Promise<void> {
  const names = wanted.map(topic => channels[topic]);
  await sql`select pg_notify(name, '') from unnest(${names}::text[]) name`.execute(tx);
}

/** Listens from the first wait on, and again after the connection was lost. */
export function listen(connection: pg.ClientConfig): Notifications {
  const counts: Record<Topic, number> = { feed: 0, operations: 0, changes: 0, counts: 0 };
  const waiting: Record<Topic, Set<() => void>> = {
    feed: new Set(),
    operations: new Set(),
    changes: new Set(),
    counts: new Set(),
  };
  const listeners = new Set<{ readonly topic: Topic; hear(said: string | undefined): void }>();
  const closed = new AbortController();
  let running: Promise<void> | undefined;

  const wake = (topic: Topic): void => {
    counts[topic] += 1;
    for (const resolve of [...waiting[topic]]) resolve();
  };
  const wakeAll = (): void => {
    for (const topic of topics) wake(topic);
  };

  const say = (topic: Topic, said: string | undefined): void => {
    for (const listener of [...listeners]) if (listener.topic === topic) listener.hear(said);
  };

  const listenOnce = async (): Promise<void> => {
    const client = new pg.Client(connection);
    const done = Promise.withResolvers<void>();
    client.on("error", () => done.resolve());
    client.on("end", () => done.resolve());
    const finish = (): void => done.resolve();
    closed.signal.addEventListener("abort", finish);
    try {
      await client.connect();
      client.on("notification", ({ channel, payload = "" }) => {
        const topic = topics.find(one => channels[one] === channel);
        if (topic === undefined) return;
        wake(topic);
        say(topic, payload);
      });
      await client.query(topics.map(topic => `listen ${channels[topic]}`).join("; "));
      // Whatever was said while nobody listened.
      wakeAll();
      for (const topic of topics) say(topic, undefined);
      if (!closed.signal.aborted) await done.promise;
    } finally {
      closed.signal.removeEventListener("abort", finish);
      await client.end().catch(() => {});
    }
  };

  const keepListening = async (): Promise<void> => {
    while (!closed.signal.aborted) {
      await listenOnce().catch(() => {}); // the timers of those who wait carry on meanwhile
      await delay(500, undefined, { signal: closed.signal }).catch(() => {});
    }
  };

  return {
    count: topic => counts[topic],
    wait(topic, seen, seconds, signal) {
      if (counts[topic] !== seen || signal.aborted) return Promise.resolve();
      running ??= keepListening();
      return new Promise(resolve => {
        const finish = (): void => {
          clearTimeout(timer);
          waiting[topic].delete(finish);
          signal.removeEventListener("abort", finish);
          resolve();
        };
        const timer = setTimeout(finish, seconds * 1000);
        waiting[topic].add(finish);
        signal.addEventListener("abort", finish, { once: true });
      });
    },
    listen(topic, hear) {
      running ??= keepListening();
      const listener = { topic, hear };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      closed.abort();
      wakeAll();
      await running;
    },
  };
}
