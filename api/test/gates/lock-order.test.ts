import { sql } from "kysely";
import { beforeAll, expect, test } from "vitest";
import { enterCurrentEpoch } from "../../src/database/epoch.ts";
import { giveUpSilentGates, recordPolls } from "../../src/gates/repository.ts";
import { useTestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

const database = useTestDatabase();

const blocked = (count: number) =>
  until(`${count} transactions wait for a lock`, async () => {
    const { rows } = await sql`select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(database.open.db);
    return rows.length === count;
  });

/** Silent gates that an operation waits for, in this order on disk. */
async function beSilent(...incarnations: string[]): Promise<void> {
  const { db } = database.open;
  await sql`truncate gates, cursors`.execute(db);
  for (const incarnation of incarnations) {
    await sql`insert into gates (incarnation, gate, state, heard_at, max_age)
      values (${incarnation}, 'gate', 'live', '2020-01-01', 1)`.execute(db);
  }
}

beforeAll(async () => {
  const { db } = database.open;
  await enterCurrentEpoch(db);
  await sql`insert into operations (id, kind, account, subscription_id, location, resource_id, status, revocation)
    values ('one', 'account-delete', 'acme', 's', 'l', 'r', 'Running', pg_current_xact_id())`.execute(db);
});

test("silent gates that are heard again while they are given up: neither waits for the other", async () => {
  const { db } = database.open;
  await beSilent("b", "c", "a");
  const other = await db.startTransaction().execute();
  await sql`select from gates where incarnation = 'c' for update`.execute(other);
  const givenUp = giveUpSilentGates(db, 0);
  await blocked(1);
  const recorded = recordPolls(
    db,
    ["a", "b"].map(incarnation => ({ incarnation, gate: "gate", cursor: undefined, maxAge: 1 })),
  );
  await blocked(2);
  await other.rollback().execute();
  const both = await Promise.all([givenUp, recorded]);
  expect(both[0].map(({ incarnation }) => incarnation).toSorted()).toEqual(["a", "b", "c"]);
  expect(both[1]).toEqual([{ kind: "drop" }, { kind: "drop" }]);
});

test.each([
  ["kept when it is heard", "clock_timestamp()", ["d"]],
  ["given up all the same when it stays silent", "'2021-01-01'", ["c", "d"]],
] as const)("a gate whose row is waited for is %s meanwhile", async (_what, heardAt, expected) => {
  const { db } = database.open;
  await beSilent("c", "d");
  const other = await db.startTransaction().execute();
  await sql`update gates set heard_at = ${sql.raw(heardAt)}, max_age = 10 where incarnation = 'c'`.execute(other);
  const givenUp = giveUpSilentGates(db, 0);
  await blocked(1);
  await other.commit().execute();
  expect((await givenUp).map(({ incarnation }) => incarnation).toSorted()).toEqual(expected);
  const { rows } = await sql`select from gates where state = 'live'`.execute(db);
  expect(rows).toHaveLength(2 - expected.length);
});
