import { setTimeout as pause } from "node:timers/promises";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { createTestDatabase } from "../support/postgres.ts";
import { type Feed, GateDouble, gateNames, insertAccount, putConnection, removeAccount, startFeed } from "./kit.ts";

const ACCOUNTS = 24;
const WRITERS = 8;
const TRANSACTIONS = 60;

/** Park and Miller's generator: the same seed writes the same story, in whatever order it then commits. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** Transactions of a random length over random accounts, some rolled back, so that ids and commits come in any order. */
async function write({ database: { db } }: Feed, seed: number): Promise<number> {
  const random = randomOf(seed);
  let committed = 0;
  for (let n = 0; n < TRANSACTIONS; n++) {
    const account = `account-${random(ACCOUNTS)}`;
    const tx = await db.startTransaction().execute();
    await sql`select pg_current_xact_id()`.execute(tx); // begins here, writes later
    await sql`set local lock_timeout = 0`.execute(tx); // who stands still with a lock holds the others up, no more
    await pause(random(4));
    await sql`select pg_advisory_xact_lock(hashtext(${account}))`.execute(tx); // as the api locks the account's row
    const known = await tx.selectFrom("accounts").select("account").where("account", "=", account).executeTakeFirst();
    if (known === undefined) await insertAccount(tx, account);
    if (known !== undefined && random(6) === 0) await removeAccount(tx, account);
    else
      await putConnection(
        tx,
        account,
        Array.from({ length: random(4) }, () => 1 + random(1_000_000)),
      );
    await pause(random(8));
    if (random(10) === 0) await tx.rollback().execute();
    else {
      await tx.commit().execute();
      committed += 1;
    }
  }
  return committed;
}

/**
 * What a cursor stands for must be in the table of the gate that was given it: every row whose last writer is visible in
 * the snapshot of the sweep that has just become whole, at that version or a later one.
 */
async function expectNothingSkipped({ database: { db } }: Feed, gate: GateDouble): Promise<void> {
  const { rows } = await sql<{ account: string; version: number; present: boolean }>`
    select account, version, present from feed where pg_visible_in_snapshot(writer,
      (select sweep from cursors where cursor = ${gate.cursor}))`.execute(db);
  for (const { account, version, present } of rows) {
    const has = gate.table.get(account)?.version ?? 0;
    if (present || has > 0) expect(has, `${account}, seen by ${gate.cursor}`).toBeGreaterThanOrEqual(version);
  }
}

async function follow(feed: Feed, gate: GateDouble, limit: number, writing: () => boolean): Promise<void> {
  do {
    if ((await gate.poll({ wait: 0.2, limit })).isDone) await expectNothingSkipped(feed, gate);
  } while (writing());
  for (let quiet = false; !quiet; ) quiet = (await gate.follow({ limit })).length === 0;
}

test("rule 3: 8 writers and 3 gates: no change is skipped, no version goes back", async () => {
  const { url, drop } = await createTestDatabase();
  // As two replicas of the api: the writers' pool and the gates' are not the same.
  const [writersSide, gatesSide] = [await startFeed(url), await startFeed(url)];
  try {
    const { db } = writersSide.database;
    let writing = true;
    const writers = Promise.all(Array.from({ length: WRITERS }, (_, n) => write(writersSide, 7919 * (n + 1)))).finally(
      () => {
        writing = false;
      },
    );
    const gates = gateNames.map(name => new GateDouble(gatesSide, name));
    await Promise.all([
      ...gates.map((gate, n) => follow(gatesSide, gate, [1, 3, 2000][n] ?? 1, () => writing)),
      writers.then(counts => expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThan(350)),
    ]);

    const { rows } = await sql<{ account: string; version: number; record: string | null }>`
      select account, version, case when present then public_access || e'\t' || array_to_string(link_ids, ',') end as record
      from feed`.execute(db);
    expect(rows).toHaveLength(ACCOUNTS);
    const registry: Record<string, string> = Object.fromEntries(
      rows.flatMap(row => (row.record === null ? [] : [[row.account, row.record]])).sort(),
    );
    for (const gate of gates) {
      expect(gate.records()).toEqual(registry);
      for (const { account, version } of rows) {
        const has = gate.table.get(account);
        if (has !== undefined) expect(has.version, account).toBe(version);
      }
    }
    const { rows: told } = await sql<{ account: string; record: string }>`
      select a.account, 'enabled' || e'\t' || coalesce(string_agg(distinct id::text, ',' order by id::text), '') as record
      from accounts a left join connections c using (account) left join lateral unnest(c.link_ids) id on true
      group by a.account`.execute(db);
    const sortIds = (record: string) => record.split(/[\t,]/).sort().join();
    expect(Object.fromEntries(Object.entries(registry).map(([account, record]) => [account, sortIds(record)]))).toEqual(
      Object.fromEntries(told.map(({ account, record }) => [account, sortIds(record)])),
    );
  } finally {
    await writersSide.close();
    await gatesSide.close();
    await drop();
  }
});
