import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { cleanCounts, startCountCleaner } from "../../src/counts/cleaner.ts";
import { type OpenDatabase, openDatabase } from "../../src/database/open.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

let drop: () => Promise<void>;
let database: OpenDatabase;
let db: OpenDatabase["db"];
const never = new AbortController().signal;

beforeAll(async () => {
  const made = await createTestDatabase();
  drop = made.drop;
  database = openDatabase(made.url);
  db = database.db;
});
afterEach(async () => {
  for (const table of TABLES) await db.deleteFrom(table).execute();
});
afterAll(async () => {
  await database.close();
  await drop();
});

const TABLES = ["counts", "connection_traffic", "past_links", "reporters"] as const;

/** Rows of an age each; `life` is the number of the row. */
async function putCounts(step: "minute" | "hour", ...ages: string[]): Promise<void> {
  await sql`insert into counts (life, step, at, reason, origin, name_key, requests, bytes)
    select row_number() over (), ${step}, now() - age::interval, 'public', 'public', '', 1, 1
    from unnest(${ages}::text[]) age`.execute(db);
}

const lives = async (step: "minute" | "hour") =>
  (await db.selectFrom("counts").select("life").where("step", "=", step).orderBy("life").execute()).map(
    row => row.life,
  );

describe("what is kept no longer goes", () => {
  test("minutes after a day, hours after ninety", async () => {
    await putCounts("minute", "23 hours 59 minutes", "24 hours 1 minute", "80 days");
    await putCounts("hour", "25 hours", "89 days 23 hours", "90 days 1 minute");
    expect(await cleanCounts(db, never)).toBe(3);
    expect([await lives("minute"), await lives("hour")]).toEqual([[1], [1, 2]]);
    expect(await cleanCounts(db, never)).toBe(0);
  });

  test("what a connection was last seen doing, and its links, after ninety days; gates after one", async () => {
    await sql`insert into connection_traffic (life, name_key, last_admitted, last_denied) values
      (1, 'both', now() - interval '91 days', now() - interval '1 day'), (1, 'one', null, now() - interval '91 days'),
      (1, 'new', now(), null)`.execute(db);
    await sql`insert into past_links (life, link_id, name_key, name, freed_at) values
      (1, 11, 'a', 'A', now() - interval '89 days'), (1, 12, 'b', 'B', now() - interval '91 days')`.execute(db);
    await sql`insert into reporters (incarnation, reporter, gate, sequence, version, heard_at) values
      ('a', '0', 'g', 1, '', now() - interval '23 hours'), ('b', '0', 'g', 1, '', now() - interval '25 hours')`.execute(
      db,
    );
    expect(await cleanCounts(db, never)).toBe(3);
    const left = async (table: (typeof TABLES)[number], column: string) =>
      (
        await sql<{ value: string }>`select ${sql.ref(column)} as value from ${sql.table(table)} order by 1`.execute(db)
      ).rows.map(row => row.value);
    expect(await left("connection_traffic", "name_key")).toEqual(["both", "new"]);
    expect(await left("past_links", "name_key")).toEqual(["a"]);
    expect(await left("reporters", "incarnation")).toEqual(["a"]);
  });

  test("however much it is, by several replicas at once", async () => {
    await sql`insert into counts (life, step, at, reason, origin, name_key, requests, bytes)
      select n, 'minute', now() - interval '2 days', 'public', 'public', '', 1, 1 from generate_series(1, 12000) n`.execute(
      db,
    );
    const rows = await Promise.all([1, 2, 3].map(() => cleanCounts(db, never)));
    // One that passes over another's rows may be done before it.
    expect(rows.reduce((sum, count) => sum + count, 0) + (await cleanCounts(db, never))).toBe(12_000);
    expect(await lives("minute")).toEqual([]);
  });
});

test("the worker begins at once, says when it can't, and ends when it is stopped", async () => {
  await putCounts("minute", "2 days");
  const logged: string[] = [];
  const log = pino({}, { write: line => void logged.push(line) });
  const cleaner = startCountCleaner({ ...database, log });
  await until("the old row is gone", async () => (await lives("minute")).length === 0);
  await cleaner.stop();
  const closed = openDatabase("postgres://127.0.0.1:1/none");
  const failing = startCountCleaner({ ...closed, log });
  await until("it is in the log", async () => logged.some(line => line.includes("old counts could not be deleted")));
  await failing.stop();
  await closed.close();
});
