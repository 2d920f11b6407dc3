import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { sql } from "kysely";
import pg from "pg";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { enterCurrentEpoch } from "../../src/database/epoch.ts";
import { type OpenDatabase, openDatabase } from "../../src/database/open.ts";
import { passBarriers } from "../../src/operations/repository.ts";
import { startOperation } from "../../src/operations/service.ts";
import { type Feed, feedRow, GateDouble, gateRow, putAccount, putConnection, startFeed } from "../feed/kit.ts";
import { createTestDatabase, execute } from "../support/postgres.ts";
import { until } from "../support/until.ts";

let url: string;
let drop: () => Promise<void>;
let database: OpenDatabase;

beforeEach(async () => {
  ({ url, drop } = await createTestDatabase());
  database = openDatabase(url);
});

afterEach(async () => {
  await database.close();
  await drop();
});

const registry = ({ db }: OpenDatabase = database) => db.selectFrom("registry").selectAll().executeTakeFirstOrThrow();
const removal = {
  kind: "account-delete",
  account: "alpha",
  subscriptionId: "s",
  location: "l",
  resourceId: "/r",
} as const;
const startRemoval = () => database.db.transaction().execute(tx => startOperation(tx, removal));

/** What a dump and restore leaves: the same rows, whose transaction ids belong to somebody else's past. */
async function restore(): Promise<{ url: string; drop(): Promise<void> }> {
  const from = new URL(url).pathname.slice(1);
  const elsewhere = new pg.Client({ connectionString: inject("postgresUrl") });
  await elsewhere.connect();
  const copy = new URL(url);
  copy.pathname = `/${from}_restored`;
  await database.close();
  // PostgreSQL's own patience with those who are about to leave is short.
  await until("nobody uses it any more", async () => {
    const { rows } = await elsewhere.query("select from pg_stat_activity where datname = $1", [from]);
    return rows.length === 0;
  });
  await elsewhere.end();
  await execute(inject("postgresUrl"), `create database ${from}_restored template ${from}`);
  const dropCopy = () => execute(inject("postgresUrl"), `drop database ${from}_restored with (force)`).catch(() => {});
  return { url: copy.href, drop: dropCopy };
}

test("rule 8: the epoch is seed, system, database and timeline; a new registry enters its first one released", async () => {
  await expect(enterCurrentEpoch(database.db)).resolves.toMatchObject({ released: true });
  expect(await registry()).toMatchObject({
    epoch: expect.stringMatching(/^[0-9a-f]{32}\.\d+\.\d+\.[0-9A-F]{8}$/),
    released: true,
    gates_vouched: true,
  });
});

test("rule 8: an api whose role is nobody special can read it", async () => {
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(database.db);
  const role = `plain_${rows[0]?.name}`;
  await execute(url, `create role ${role} login password 'plain'; grant all on all tables in schema public to ${role}`);
  const plain = new URL(url);
  plain.username = role;
  plain.password = "plain";
  const theirs = openDatabase(plain.href);
  try {
    await expect(enterCurrentEpoch(theirs.db)).resolves.toMatchObject({ released: true });
  } finally {
    await theirs.close();
    await execute(url, `drop owned by ${role}; drop role ${role}`);
  }
});

test("rule 8: replicas that find a changed epoch at the same time enter it once", async () => {
  await enterCurrentEpoch(database.db);
  await sql`update registry set epoch = 'elsewhere'`.execute(database.db);
  const states = await Promise.all(Array.from({ length: 6 }, () => enterCurrentEpoch(database.db)));
  expect(new Set(states.map(state => `${state.epoch} ${state.released}`)).size).toBe(1);
  const { epoch_since } = await registry();
  await enterCurrentEpoch(database.db);
  expect((await registry()).epoch_since).toEqual(epoch_since);
});

test("rule 9: a restored registry is held: 503, gates are heard but not served, nothing old is believed", async () => {
  let feed: Feed = await startFeed(url);
  await putAccount(database.db, "alpha");
  const [gate, goner] = [new GateDouble(feed), new GateDouble(feed)];
  await gate.follow();
  await gate.follow();
  await goner.ask({ bye: 1 });
  await feed.close();
  const operation = await startRemoval();
  const restored = await restore();
  feed = await startFeed(restored.url);
  const { db } = feed.database;
  try {
    const writer = (await feedRow(db, "alpha")).writer;
    const [here, joining, ended] = [new GateDouble(feed), new GateDouble(feed), new GateDouble(feed)];
    Object.assign(here, { incarnation: gate.incarnation, cursor: gate.cursor });
    ended.incarnation = goner.incarnation;
    for (const held of [here, joining]) {
      const response = await held.ask();
      expect(response.status).toBe(503);
      expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
      expect(await gateRow(db, held.incarnation)).toMatchObject({ state: "live", acknowledged: null });
    }
    expect((await ended.ask()).status, "one that is over drops its table all the same").toBe(410);
    expect(await registry(feed.database)).toMatchObject({ released: false, gates_vouched: false });
    expect(await db.selectFrom("cursors").selectAll().execute()).toEqual([]);
    expect((await feedRow(db, "alpha")).writer, "or it would look new in every sweep").not.toBe(writer);

    await expect(runRegistry(restored.url, "release")).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("has not been reconciled"),
    });
    const { stdout } = await runRegistry(restored.url, "release", "--without-reconcile");
    expect(stdout).toMatch(/^The feed is served\./);
    expect(stdout).toContain("--vouch-gates");
    const response = await here.ask();
    expect([response.status, await response.text()]).toEqual([410, "!start-over\tkeep\n"]);
    here.cursor = "";
    await here.follow();
    await joining.follow();
    expect((await here.follow()).concat(await joining.follow())).toEqual([]);

    expect(await passBarriers(feed.database.db, 60), "a gate that the restore has forgotten may still admit").toEqual(
      [],
    );
    expect((await runRegistry(restored.url, "release", "--vouch-gates")).stdout).not.toContain("do not end before");
    expect((await passBarriers(feed.database.db, 60)).map(row => row.id)).toEqual([operation.id]);
  } finally {
    await feed.close();
    await restored.drop();
  }
});

test("rule 9: without a vouch barriers wait for the largest age limit there can be", async () => {
  await enterCurrentEpoch(database.db);
  await startRemoval();
  const hold = (seconds: number) =>
    sql`update registry set released = true, gates_vouched = false,
      epoch_since = clock_timestamp() - make_interval(secs => ${seconds})`.execute(database.db);
  await hold(604_800 * 1.01 - 3600); // an hour short of it, however long the look takes
  expect(await passBarriers(database.db, 60)).toEqual([]);
  await hold(604_800 * 1.01 + 61);
  expect(await passBarriers(database.db, 60)).toHaveLength(1);
});

test("rule 9: a barrier that had passed in the epoch before has to pass again", async () => {
  await enterCurrentEpoch(database.db);
  const { id, revocation } = await startRemoval();
  expect(await passBarriers(database.db, 60)).toHaveLength(1);
  await sql`update registry set epoch = 'elsewhere'`.execute(database.db);
  await enterCurrentEpoch(database.db);
  const row = await database.db.selectFrom("operations").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
  expect(row.barrier_passed_at).toBeNull();
  expect(BigInt(row.revocation)).toBeGreaterThan(BigInt(revocation));
});

test("rule 9: no barrier passes between a change of epoch and the moment it is found", async () => {
  await enterCurrentEpoch(database.db);
  await startRemoval();
  await sql`update registry set epoch = 'elsewhere'`.execute(database.db);
  expect(await passBarriers(database.db, 60)).toEqual([]);
});

test("the registry command says how things stand, what it could not do, and how it is called", async () => {
  await enterCurrentEpoch(database.db);
  const fine = "The feed is served.\nRevocations end when every gate has acknowledged them.\n";
  expect((await runRegistry(url, "status")).stdout).toBe(fine);
  expect((await runRegistry(url, "release")).stdout).toBe(fine);
  expect((await runRegistry("", "--help")).stdout).toMatch(/^usage: /);
  for (const wrong of [[], ["nonsense"], ["release", "--nonsense"], ["status", "--vouch-gates"], ["status", "twice"]]) {
    await expect(runRegistry(url, ...wrong)).rejects.toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/^usage: /),
    });
  }
  await expect(runRegistry("", "status")).rejects.toMatchObject({ code: 64 });
  await expect(runRegistry(url, "reconcile")).rejects.toMatchObject({
    code: 64,
    stderr: expect.stringContaining("LINKGATE_ARM_URL"),
  });
  const nowhere = new URL(url);
  nowhere.port = "1";
  await expect(runRegistry(nowhere.href, "release")).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^The registry: release failed: /),
  });
});

test("the registry can be held by hand, where an old copy of the data left no trace", async () => {
  const { epoch } = await enterCurrentEpoch(database.db);
  await expect(runRegistry(url, "hold")).resolves.toMatchObject({
    stdout: expect.stringMatching(/^The registry is held since /),
  });
  await expect(runRegistry(url, "status")).rejects.toMatchObject({ code: 2 });
  const held = await enterCurrentEpoch(database.db);
  expect(held.released).toBe(false);
  expect(held.epoch).not.toBe(epoch);
});

test("rule 1: a change after a restore continues the version", async () => {
  await putAccount(database.db, "alpha");
  await database.db.transaction().execute(tx => putConnection(tx, "alpha", [1]));
  const restored = await restore();
  const copy = openDatabase(restored.url);
  try {
    await enterCurrentEpoch(copy.db);
    await copy.db.transaction().execute(tx => putConnection(tx, "alpha", [2]));
    expect((await feedRow(copy.db, "alpha")).version).toBe(3);
  } finally {
    await copy.close();
    await restored.drop();
  }
});

const runRegistry = (databaseUrl: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [fileURLToPath(new URL("../../src/registry.ts", import.meta.url)), ...args], {
    env: { ...process.env, DATABASE_URL: databaseUrl, LINKGATE_ARM_URL: "" },
  });
