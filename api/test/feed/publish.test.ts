import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OpenDatabase, openDatabase } from "../../src/database/open.ts";
import { publishAccount } from "../../src/feed/publish.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { addConnection, feedRow, insertAccount, putAccount, putConnection, removeAccount } from "./kit.ts";

let drop: () => Promise<void>;
let database: OpenDatabase;
let db: OpenDatabase["db"];

beforeAll(async () => {
  const made = await createTestDatabase();
  drop = made.drop;
  database = openDatabase(made.url);
  db = database.db;
});

afterAll(async () => {
  await database.close();
  await drop();
});

test("rule 1: a change counts the version up by one and stores its transaction's own 64-bit id", async () => {
  await putAccount(db, "counted");
  expect(await feedRow(db, "counted")).toMatchObject({
    version: 1,
    present: true,
    public_access: "enabled",
    link_ids: [],
  });
  const id = await db.transaction().execute(async tx => {
    await putConnection(tx, "counted", [17]);
    return (await sql<{ id: string }>`select pg_current_xact_id()::text as id`.execute(tx)).rows[0]?.id;
  });
  expect(await feedRow(db, "counted")).toMatchObject({ version: 2, writer: id, link_ids: [17] });
});

test("rule 1: two changes in one transaction, and one that tells the gates nothing new", async () => {
  await putAccount(db, "twice");
  const { writer } = await feedRow(db, "twice");
  await db.transaction().execute(async tx => {
    await tx.updateTable("accounts").set({ tags: '{"a":"b"}' }).where("account", "=", "twice").execute();
    await addConnection(tx, "twice", "pending", [9], "Pending");
    await publishAccount(tx, "twice");
  });
  expect(await feedRow(db, "twice"), "nothing new").toMatchObject({ version: 1, writer });
  await db.transaction().execute(async tx => {
    await addConnection(tx, "twice", "first", [5]);
    await publishAccount(tx, "twice");
    await addConnection(tx, "twice", "second", [4]);
    await publishAccount(tx, "twice");
  });
  expect(await feedRow(db, "twice")).toMatchObject({ version: 3, link_ids: [4, 5] });
});

test("rule 1: a removal leaves a tombstone, and a recreated account goes on from its version", async () => {
  await putAccount(db, "reborn");
  await db.transaction().execute(tx => putConnection(tx, "reborn", [1]));
  await db.transaction().execute(tx => removeAccount(tx, "reborn"));
  expect(await feedRow(db, "reborn")).toMatchObject({ version: 3, present: false, link_ids: [] });
  await putAccount(db, "reborn", "Disabled");
  expect(await feedRow(db, "reborn")).toMatchObject({ version: 4, present: true, public_access: "disabled" });
});

test("rule 1: an account that is being deleted is a tombstone already", async () => {
  await putAccount(db, "leaving");
  await db.transaction().execute(tx => putConnection(tx, "leaving", [1, 2]));
  await db.transaction().execute(async tx => {
    await tx.updateTable("accounts").set({ provisioning_state: "Deleting" }).where("account", "=", "leaving").execute();
    await publishAccount(tx, "leaving");
  });
  expect(await feedRow(db, "leaving")).toMatchObject({ present: false, public_access: "disabled", link_ids: [] });
});

test("rule 1: the account is read under the row's lock, so two transactions lose none of each other's links", async () => {
  await putAccount(db, "shared");
  const first = await db.startTransaction().execute();
  await addConnection(first, "shared", "one", [10]);
  await publishAccount(first, "shared");
  const second = db.transaction().execute(async tx => {
    await addConnection(tx, "shared", "two", [20]);
    await publishAccount(tx, "shared");
  });
  await blockedBackends(1);
  await first.commit().execute();
  await second;
  expect(await feedRow(db, "shared")).toMatchObject({ version: 3, link_ids: [10, 20] });
});

test("rule 1: two transactions that create the same row", async () => {
  await db.transaction().execute(tx => insertAccount(tx, "raced"));
  const first = await db.startTransaction().execute();
  await publishAccount(first, "raced");
  const second = db.transaction().execute(async tx => {
    await addConnection(tx, "raced", "one", [30]);
    await publishAccount(tx, "raced");
  });
  await blockedBackends(1);
  await first.commit().execute();
  await second;
  expect(await feedRow(db, "raced")).toMatchObject({ version: 2, link_ids: [30] });
});

test("an account that never was leaves no row", async () => {
  await db.transaction().execute(tx => publishAccount(tx, "nobody"));
  expect(await db.selectFrom("feed").selectAll().where("account", "=", "nobody").execute()).toEqual([]);
});

test("link ids are distinct and ascending as numbers, up to the largest", async () => {
  await putAccount(db, "sorted");
  await db.transaction().execute(async tx => {
    await addConnection(tx, "sorted", "a", [4294967295, 9, 10]);
    await addConnection(tx, "sorted", "b", [10, 100]);
    await addConnection(tx, "sorted", "c", [7], "Rejected");
    await publishAccount(tx, "sorted");
  });
  expect((await feedRow(db, "sorted")).link_ids).toEqual([9, 10, 100, 4294967295]);
});

test("the table refuses what could forge a line", async () => {
  for (const bad of ["a\nb", "a\tb", "UPPER", "", "a".repeat(64)]) {
    await expect(
      db.transaction().execute(async tx => {
        await insertAccount(tx, bad);
        await publishAccount(tx, bad);
      }),
      JSON.stringify(bad),
    ).rejects.toMatchObject({ code: "23514" });
  }
  await putAccount(db, "checked");
  for (const id of [0, -1, 4294967296]) {
    await expect(
      db.transaction().execute(tx => putConnection(tx, "checked", [id])),
      `${id}`,
    ).rejects.toMatchObject({
      code: "23514",
    });
  }
});

async function blockedBackends(count: number): Promise<void> {
  await until(`${count} transactions wait for a lock`, async () => {
    const { rows } = await sql<{ n: number }>`select count(*) as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
    return rows[0]?.n === count;
  });
}
