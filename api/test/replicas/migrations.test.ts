import { sql } from "kysely";
import type { Migration } from "kysely/migration";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrateToLatest } from "../../src/database/migrate.ts";
import { migrations } from "../../src/database/migrations.ts";
import { openDatabase } from "../../src/database/open.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { createAccount } from "../support/documents.ts";
import { createEmptyDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

const REPLICAS = 5;
let url: string;
let drop: () => Promise<void>;

beforeAll(async () => {
  ({ url, drop } = await createEmptyDatabase());
});
afterAll(() => drop());

const readAll = async (query: string): Promise<string[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<string[]>({ text: query, rowMode: "array" });
  await client.end();
  return rows.map(([text]) => text ?? "");
};

test(`${REPLICAS} replicas that start at once on an empty database make its tables once, and each serves them`, async () => {
  const started = await Promise.allSettled(Array.from({ length: REPLICAS }, () => startTestApi({ databaseUrl: url })));
  const apis = started.flatMap(each => (each.status === "fulfilled" ? [each.value] : []));
  try {
    expect(started.filter(each => each.status === "rejected")).toEqual([]);
    expect(await readAll("select name from kysely_migration order by 1")).toEqual(Object.keys(migrations).sort());
    expect(await readAll("select count(*)::text from registry")).toEqual(["1"]);
    for (const [n, api] of apis.entries()) await createAccount(api.nrp, `replica-${n}`);
    const gates = apis.map((api: TestApi) => api.gate());
    await Promise.all(gates.map(gate => gate.sweep()));
    for (const gate of gates) expect(gate.table.size).toBe(REPLICAS);
    await Promise.all(gates.map(gate => gate.sayGoodbye()));
  } finally {
    await Promise.all(apis.map(api => api.stop()));
  }
});

test("a replica that finds another at it waits, and then changes nothing", async () => {
  const before = await readAll("select name || timestamp from kysely_migration order by 1");
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  await holder.query("begin; select pg_advisory_xact_lock(3853314791062309107)"); // Kysely's own lock
  const database = openDatabase(url);
  try {
    let isDone = false;
    const migrating = migrateToLatest(database.db).then(() => {
      isDone = true;
    });
    await until("it to wait", async () => {
      const [count] = await readAll(`select count(*)::text from pg_locks where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())`);
      return count === "1";
    });
    expect(isDone).toBe(false);
    await holder.query("commit");
    await migrating;
  } finally {
    await holder.end();
    await database.close();
  }
  expect(await readAll("select name || timestamp from kysely_migration order by 1")).toEqual(before);
});

test("one that fails leaves nothing behind; one may take longer than a request", async () => {
  const limits: unknown[] = [];
  const slow: Migration = {
    async up(db) {
      limits.push((await sql`show statement_timeout`.execute(db)).rows[0]);
      await sql`create table made (id int)`.execute(db);
    },
  };
  const broken: Migration = { up: async db => void (await sql`create table made (id int)`.execute(db)) };
  const database = openDatabase(url);
  try {
    const list = { ...migrations, "9998-slow": slow, "9999-broken": broken };
    await expect(migrateToLatest(database.db, list)).rejects.toThrow("already exists");
    expect(limits).toEqual([{ statement_timeout: "0" }]);
    expect(await readAll("select name from kysely_migration where name >= '9'")).toEqual([]);
    expect(await readAll("select to_regclass('made')::text")).toEqual([""]);
    expect((await sql`show statement_timeout`.execute(database.db)).rows).toEqual([{ statement_timeout: "30s" }]);
  } finally {
    await database.close();
  }
});
