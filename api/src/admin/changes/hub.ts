import { setTimeout as delay } from "node:timers/promises";
import type { FastifyBaseLogger } from "fastify";
import { sql } from "kysely";
import type { OpenDatabase } from "../../database/open.ts";
import { changedSince } from "../../feed/sweep.ts";

/** An account of which something has changed: where it was when it did. */
export interface ChangedAccount {
  readonly account: string;
  readonly subscription_id: string;
  readonly resource_group: string;
  readonly name: string;
}

/** Told of changes; undefined when some may have been missed, so that everything has to be read again. */
export type Listener = (changed: readonly ChangedAccount[] | undefined) => void;

/** Watches the registry for everybody who looks on at this replica: one look, however many they are. */
export interface ChangeHub {
  /** Returns what ends it. */
  listen(listener: Listener): () => void;
  stop(): Promise<void>;
}

/** Seconds. Gates acknowledge without a word to others, so while something is on its way to them it is looked at again soon. */
const LOOK_AGAIN = { soonest: 0.1, spreading: 0.5, idle: 5, failed: 1 };

interface Look {
  /** What has been committed since the look before. */
  readonly changed: readonly ChangedAccount[];
  /** By account: how far what is on its way has come. */
  readonly progress: ReadonlyMap<string, { readonly place: ChangedAccount; readonly state: string }>;
  /** `pg_snapshot` as text. */
  readonly snapshot: string;
}

/** Runs only while somebody listens. */
export function createChangeHub({ db, notifications }: OpenDatabase, log: FastifyBaseLogger): ChangeHub {
  const listeners = new Set<Listener>();
  let running: Promise<void> | undefined;
  let stopping = new AbortController();

  const tell = (changed: readonly ChangedAccount[] | undefined): void => {
    for (const listener of [...listeners]) listener(changed);
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    let last: Look | undefined;
    let isServerNew = false;
    const ignore = notifications.listen("changes", said => {
      isServerNew ||= said === undefined;
    });
    while (!signal.aborted) {
      const seen = notifications.count("changes");
      let seconds = LOOK_AGAIN.failed;
      // A server that has crashed, or taken over, gives ids of transactions that were lost to others: to compare with what
      // was seen before would pass those over (feed rule 5).
      if (isServerNew) last = undefined;
      isServerNew = false;
      try {
        const look = await lookAt(db, last?.snapshot);
        const changed = last === undefined ? undefined : [...look.changed, ...compare(last, look)];
        if (changed === undefined || changed.length > 0) tell(changed);
        last = look;
        seconds = look.progress.size > 0 ? LOOK_AGAIN.spreading : LOOK_AGAIN.idle;
      } catch (error) {
        last = undefined;
        log.warn({ err: error, retryIn: seconds }, "changes could not be looked at");
      }
      // Many changes within an instant are one look.
      await delay(LOOK_AGAIN.soonest * 1000, undefined, { signal }).catch(() => {});
      await notifications.wait("changes", seen, seconds, signal);
    }
    ignore();
  };

  return {
    listen(listener) {
      listeners.add(listener);
      if (running === undefined) {
        stopping = new AbortController();
        running = run(stopping.signal);
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        stopping.abort();
        running = undefined;
      };
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/**
 * What has changed between two snapshots. To every change belongs a row of the history, or one of the feed: an account that
 * is new has no history. Whether it is visible in the one snapshot and not in the other is exact, whatever the order of
 * commits (feed rule 2).
 */
async function lookAt(db: OpenDatabase["db"], before: string | undefined): Promise<Look> {
  const isNew = changedSince(sql`${before ?? null}`);
  return await db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async tx => {
      const { rows: now } = await sql<{ snapshot: string }>`select pg_current_snapshot()::text as snapshot`.execute(tx);
      const snapshot = now[0]?.snapshot ?? "";
      const { rows: changed } = await sql<ChangedAccount>`
      select account, subscription_id, resource_group, account_name as name from decisions where ${isNew}
      union
      select a.account, a.subscription_id, a.resource_group, a.name
      from feed join accounts a on a.account = feed.account where ${isNew}`.execute(tx);
      const { rows: spreading } = await sql<ChangedAccount & { state: string }>`
      with live as (select acknowledged from gates where state = 'live'),
      moving as (
        select id as thing, account, revocation as point, (barrier_passed_at is not null)::text as phase
        from operations where status = 'Running'
        union all
        select 'feed', account, writer, '' from feed
        where present and writer >= (select coalesce(pg_snapshot_xmin(acknowledged), '0') from live
          order by pg_snapshot_xmin(acknowledged) nulls first limit 1)
          and exists (select from live where not coalesce(pg_visible_in_snapshot(feed.writer, acknowledged), false)))
      select a.account, a.subscription_id, a.resource_group, a.name, string_agg(m.thing || ' ' || m.phase || ' ' ||
        (select count(*) from live where pg_visible_in_snapshot(m.point, acknowledged)), ',' order by m.thing) as state
      from moving m join accounts a on a.account = m.account group by a.account`.execute(tx);
      return {
        changed,
        snapshot,
        progress: new Map(spreading.map(({ state, ...place }) => [place.account, { place, state }])),
      };
    });
}

/** The accounts for which something has moved on, or has arrived. */
function compare(before: Look, now: Look): ChangedAccount[] {
  const moved = [...now.progress].filter(([account, { state }]) => before.progress.get(account)?.state !== state);
  const arrived = [...before.progress].filter(([account]) => !now.progress.has(account));
  return [...moved, ...arrived].map(([, { place }]) => place);
}
