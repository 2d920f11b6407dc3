import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/database/embedded-postgres.ts";
import { migrateToLatest } from "../../src/database/migrate.ts";
import { openDatabase } from "../../src/database/open.ts";
import { releaseRegistry } from "../../src/database/release.ts";
import { startOperation } from "../../src/operations/service.ts";
import { until } from "../support/until.ts";
import { type Feed, GateDouble, gateRow, putAccount, putConnection, startFeed } from "./kit.ts";

/** A server of its own, because it is killed, reconfigured and promoted. */
let dataDir: string;
let server: EmbeddedPostgres;
let feed: Feed;
let db: Feed["database"]["db"];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "linkgate-crash-"));
  server = await startEmbeddedPostgres({ dataDir });
  const database = openDatabase(server.url);
  await migrateToLatest(database.db);
  await database.close();
  feed = await startFeed(server.url);
  db = feed.database.db;
});

afterEach(async () => {
  await feed.close();
  await server.stop();
  await rm(dataDir, { recursive: true });
});

/** Kills the server as a power cut would, and starts it again on the same data and port. */
async function crash(): Promise<void> {
  process.kill(server.pid, "SIGKILL");
  await restart();
}

async function restart(change: () => Promise<void> = async () => {}): Promise<void> {
  await server.stop();
  await change();
  server = await startEmbeddedPostgres({ dataDir, port: Number(new URL(server.url).port) });
  await until("the pool answers again", () =>
    sql`select`.execute(db).then(
      () => true,
      () => false,
    ),
  );
}

/** Uses up transaction ids. Returns the last one. */
async function wasteTransactionIds(): Promise<bigint> {
  let last = 0n;
  for (let n = 0; n < 20; n++) {
    const tx = await db.startTransaction().execute();
    const { rows } = await sql<{ id: string }>`select pg_current_xact_id()::text as id`.execute(tx);
    await tx.rollback().execute();
    last = BigInt(rows[0]?.id ?? 0);
  }
  return last;
}

/** Stops the processes that write what is in the log's memory to disk by and by, so that only a commit does. */
async function stopLogWriters(): Promise<() => void> {
  const { rows } = await sql<{ pid: number }>`
    select pid from pg_stat_activity where backend_type in ('walwriter', 'background writer', 'checkpointer')`.execute(
    db,
  );
  for (const { pid } of rows) process.kill(pid, "SIGSTOP");
  return () => {
    for (const { pid } of rows) process.kill(pid, "SIGKILL");
  };
}

const writerOf = async (account: string) =>
  BigInt(
    (await db.selectFrom("feed").select("writer").where("account", "=", account).executeTakeFirstOrThrow()).writer,
  );

test("rule 5: a transaction id that is handed out again after a crash hides no change", async () => {
  // What else would write at any moment, and with it what is in the log's memory.
  await restart(() => appendFile(join(dataDir, "data/postgresql.conf"), "autovacuum = off\n"));
  await putAccount(db, "alpha");
  const killLogWriters = await stopLogWriters();
  const lost = await wasteTransactionIds();
  process.kill(server.pid, "SIGKILL");
  killLogWriters(); // as in a power cut: nobody is left to write
  await restart();
  await db.transaction().execute(tx => putConnection(tx, "alpha", [1]));
  expect(await writerOf("alpha"), "PostgreSQL does hand out ids again").toBeLessThanOrEqual(lost);

  const gate = new GateDouble(feed);
  await gate.follow();
  const wasted = await wasteTransactionIds();
  await gate.follow(); // its snapshot takes the wasted ids for visible
  await crash();
  await db.transaction().execute(tx => putConnection(tx, "alpha", [2]));
  expect(await writerOf("alpha"), "but none that a cursor covers").toBeGreaterThan(wasted);
  expect(await gate.follow()).toEqual([{ account: "alpha", version: 3, record: "enabled\t2" }]);
});

test("rule 26: what was heard and acknowledged outlives a crash right after the answer", async () => {
  await putAccount(db, "alpha");
  const gate = new GateDouble(feed);
  await gate.follow();
  await gate.follow();
  const before = await gateRow(db, gate.incarnation);
  expect(before?.acknowledged).not.toBeNull();
  await crash();
  expect(await gateRow(db, gate.incarnation)).toEqual(before);
  expect(await gate.follow(), "the cursor is good, nothing is loaded twice").toEqual([]);
});

test("rule 26: polls get 503 while the server is away, and are served when it is back", async () => {
  const gate = new GateDouble(feed);
  await gate.follow();
  await restart(async () => {
    const response = await gate.ask();
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(await response.json()).toEqual({ error: { code: "RegistryUnavailable", message: expect.any(String) } });
  });
  await gate.follow();
});

test("a poll that is held back while the server crashes is answered with an error, and the process lives", async () => {
  const gate = new GateDouble(feed);
  await gate.follow();
  const answer = gate.ask({ wait: 30 });
  await until("the poll is held back", () => feed.held() === 1);
  const open = await db.startTransaction().execute(); // a connection that is lent out when the server dies
  process.kill(server.pid, "SIGKILL");
  await server.stop();
  expect((await answer).status).toBe(503);
  await expect(open.rollback().execute()).rejects.toThrow();
  await restart();
  await gate.follow();
});

test("rule 4: a prepared transaction delays nobody else", async () => {
  await restart(() => appendFile(join(dataDir, "data/postgresql.conf"), "max_prepared_transactions = 2\n"));
  await putAccount(db, "held");
  await putAccount(db, "free");
  const gate = new GateDouble(feed);
  await gate.follow();
  await db.connection().execute(async connection => {
    await sql`begin`.execute(connection);
    await sql`update feed set version = 2, link_ids = '{7}', writer = pg_current_xact_id() where account = 'held'`.execute(
      connection,
    );
    await sql`prepare transaction 'forgotten'`.execute(connection);
  });
  await crash(); // it survives
  await db.transaction().execute(tx => putConnection(tx, "free", [1]));
  expect((await gate.follow()).map(line => line.account)).toEqual(["free"]);
  await expect(
    db.transaction().execute(async tx => {
      await sql`set local lock_timeout = 100`.execute(tx);
      await putConnection(tx, "held", [2]);
    }),
    "only whoever changes the same account waits, and not for ever",
  ).rejects.toMatchObject({ code: "55P03" });
  await sql`commit prepared 'forgotten'`.execute(db);
  expect(await gate.follow()).toEqual([{ account: "held", version: 2, record: "enabled\t7" }]);
});

const demote = () => restart(() => writeFile(join(dataDir, "data/standby.signal"), ""));

test("rule 7: a standby is refused; nothing is recorded or read there", async () => {
  const gate = new GateDouble(feed);
  await gate.follow();
  const before = await gateRow(db, gate.incarnation);
  await demote();
  for (const query of [{}, { bye: 1 }]) {
    const response = await gate.ask(query);
    expect([response.status, response.headers.has("retry-after")]).toEqual([503, true]);
    expect(await response.json()).toMatchObject({ error: { code: "RegistryUnavailable" } });
  }
  expect(await gateRow(db, gate.incarnation)).toEqual(before);
});

test("rule 8: a standby that is promoted is another epoch, in which nothing has been acknowledged", async () => {
  await putAccount(db, "alpha");
  const gate = new GateDouble(feed);
  await gate.follow();
  await gate.follow();
  const operation = await db.transaction().execute(tx =>
    startOperation(tx, {
      kind: "account-delete",
      account: "alpha",
      subscriptionId: "s",
      location: "l",
      resourceId: "/r",
    }),
  );
  await demote();
  const { epoch: before } = await db.selectFrom("registry").select("epoch").executeTakeFirstOrThrow();
  await sql`select pg_promote()`.execute(db);
  expect((await gate.ask()).status, "rule 9: held until it is released").toBe(503);
  const { epoch, released } = await db.selectFrom("registry").select(["epoch", "released"]).executeTakeFirstOrThrow();
  expect([before.split(".").at(-1), epoch.split(".").at(-1), released]).toEqual(["00000001", "00000002", false]);
  expect(await gateRow(db, gate.incarnation)).toMatchObject({ acknowledged: null });
  const after = await db.selectFrom("operations").selectAll().where("id", "=", operation.id).executeTakeFirstOrThrow();
  expect(BigInt(after.revocation)).toBeGreaterThan(BigInt(operation.revocation));

  expect(await releaseRegistry(feed.database, { vouchGates: false, withoutReconcile: true })).toMatchObject({
    state: "served",
  });
  const over = await gate.ask();
  expect([over.status, await over.text()]).toEqual([410, "!start-over\tkeep\n"]);
  gate.cursor = "";
  expect(await gate.follow()).toEqual([{ account: "alpha", version: 1, record: "enabled\t" }]);
});
