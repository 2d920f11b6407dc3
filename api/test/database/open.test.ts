import { sql } from "kysely";
import { expect, test } from "vitest";
import { migrateToLatest } from "../../src/database/migrate.ts";
import { readOldestTransaction } from "../../src/database/oldest-transaction.ts";
import { openDatabase } from "../../src/database/open.ts";
import { createTestDatabase, useTestDatabase } from "../support/postgres.ts";

const database = useTestDatabase();

test("bigint comes as a number, one that is not exact throws, and arrays of it come as numbers", async () => {
  const { db } = database.open;
  const { rows } =
    await sql`select 9007199254740991::bigint as n, '{}'::bigint[] as none, '{1,4294967295}'::bigint[] as ids`.execute(
      db,
    );
  expect(rows).toEqual([{ n: 9007199254740991, none: [], ids: [1, 4294967295] }]);
  await expect(sql`select 9007199254740993::bigint`.execute(db)).rejects.toThrow("not a safe integer");
});

test("rule 4: no transaction can stay open, no statement run, no lock be waited for without an end", async () => {
  const { rows } = await sql<{ name: string; setting: string }>`select name, setting from pg_settings where name in
    ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') order by name`.execute(
    database.open.db,
  );
  expect(rows).toEqual([
    { name: "idle_in_transaction_session_timeout", setting: "30000" },
    { name: "lock_timeout", setting: "10000" },
    { name: "statement_timeout", setting: "30000" },
  ]);
});

test("rule 4: the oldest open transaction can be seen", async () => {
  const { db } = database.open;
  expect(await readOldestTransaction(db)).toBeUndefined();
  const open = await db.startTransaction().execute();
  await sql`select 1`.execute(open);
  expect(await readOldestTransaction(db)).toEqual({
    what: expect.stringMatching(/^connection \d+ of /),
    seconds: expect.any(Number),
  });
  await open.rollback().execute();
});

test("a borrowed connection that dies does not end the process", async () => {
  const { db, pool } = database.open;
  const client = await pool.connect();
  const ended = new Promise<void>(resolve => client.on("end", () => resolve()));
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  await sql`select pg_terminate_backend(${rows[0]?.pid}::int)`.execute(db);
  await ended;
  await expect(client.query("select 1")).rejects.toThrow();
  client.release(true);
});

test("several replicas may migrate at once, and again", async () => {
  await Promise.all(Array.from({ length: 4 }, () => migrateToLatest(database.open.db)));
});

test("closing twice is the same as once", async () => {
  const { url, drop: dropOther } = await createTestDatabase();
  const other = openDatabase(url);
  const waiting = other.notifications.wait("feed", 0, 60, new AbortController().signal);
  await other.close();
  await other.close();
  await waiting;
  await dropOther();
});
