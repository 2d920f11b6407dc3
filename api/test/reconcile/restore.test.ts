import { execFile } from "node:child_process";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { sql } from "kysely";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/database/embedded-postgres.ts";
import { migrateToLatest } from "../../src/database/migrate.ts";
import { openDatabase } from "../../src/database/open.ts";
import { releaseRegistry, viewRegistry } from "../../src/database/release.ts";
import { reconcileRegistry } from "../../src/reconcile/service.ts";
import { type Feed, GateDouble, startFeed } from "../feed/kit.ts";
import { until } from "../support/until.ts";
import { connect, connection, createAccount, disconnect, NrpDouble, startWorker } from "./kit.ts";

// Real servers that are really restored. What each way has in common is told once, below.

const run = promisify(execFile);
let folder: string;
const servers: EmbeddedPostgres[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "linkgate-restore-"));
  await run("chmod", ["755", folder]);
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  await rm(folder, { recursive: true });
});

async function start(name: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir: join(folder, name) });
  servers.push(server);
  return server;
}

async function stop(server: EmbeddedPostgres): Promise<void> {
  servers.splice(servers.indexOf(server), 1);
  await server.stop();
}

/** With owner and modes, as a tool for backups keeps them. */
const copy = (from: string, to: string) => run("cp", ["-a", join(folder, from), join(folder, to)]);

async function query(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Keeps the state of the server as it is, and later replaces the server by one in that state. Both return its url. */
interface Way {
  keep(server: EmbeddedPostgres): Promise<EmbeddedPostgres>;
  restore(server: EmbeddedPostgres): Promise<string>;
}

/** A copy of the files of a stopped server, put back on the same machine: no part of the server's epoch changes. */
const files: Way = {
  async keep(server) {
    await stop(server);
    await copy("primary", "backup");
    return await start("primary");
  },
  async restore(server) {
    await stop(server);
    await rm(join(folder, "primary"), { recursive: true });
    await copy("backup", "primary");
    return (await start("primary")).url;
  },
};

/** A standby that streams, then falls behind, and is promoted when the primary is lost. */
const standby: Way = {
  async keep(server) {
    const { username, password, port } = new URL(server.url);
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query("select pg_backup_start('standby', true)");
    await copy("primary", "standby");
    const { rows } = await client.query("select labelfile from pg_backup_stop(false)");
    await client.end();
    const data = join(folder, "standby/data");
    await rm(join(data, "postmaster.pid"), { force: true });
    await rm(join(folder, "standby/port"), { force: true });
    await rm(join(folder, "standby/owner"), { force: true });
    await writeFile(join(data, "backup_label"), rows[0].labelfile);
    await writeFile(join(data, "standby.signal"), "");
    await appendFile(
      join(data, "postgresql.auto.conf"),
      `\nprimary_conninfo = 'host=127.0.0.1 port=${port} user=${username} password=${password}'\n`,
    );
    await run("chown", ["-R", `--reference=${data}`, join(folder, "standby")]);
    const behind = await start("standby");
    await until("the standby streams", async () => {
      const [row] = await query(behind.url, "select status from pg_stat_wal_receiver");
      return row?.status === "streaming";
    });
    const [row] = await query(server.url, "select pg_current_wal_lsn() as lsn");
    await until("the standby has what there is", async () => {
      const [state] = await query(behind.url, "select pg_last_wal_replay_lsn() >= $1::pg_lsn as ok", [row?.lsn]);
      return state?.ok === true;
    });
    await stop(behind);
    return server;
  },
  async restore(server) {
    await stop(server);
    const { url } = await start("standby");
    await query(url, "select pg_promote(true, 60)");
    return url;
  },
};

/** Every row of every table as text, read into the tables of a new server. */
const dump: Way = {
  async keep(server) {
    const names = await query(server.url, "select tablename from pg_tables where schemaname = 'public'");
    const tables: Record<string, unknown> = {};
    for (const table of names.map(row => String(row.tablename)).filter(name => !name.startsWith("kysely"))) {
      const [rows] = await query(server.url, `select coalesce(json_agg(t), '[]')::text as rows from ${table} t`);
      tables[table] = rows?.rows;
    }
    await writeFile(join(folder, "dump.json"), JSON.stringify(tables));
    return server;
  },
  async restore(server) {
    await stop(server);
    const { url } = await start("other");
    const database = openDatabase(url);
    await migrateToLatest(database.db);
    await database.close();
    const tables = JSON.parse(await readFile(join(folder, "dump.json"), "utf8")) as Record<string, string>;
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    // As pg_restore does with --disable-triggers: no order of the tables satisfies every reference.
    await client.query("set session_replication_role = replica");
    for (const [table, rows] of Object.entries(tables)) {
      await client.query(`delete from ${table}`);
      await client.query(
        `insert into ${table} overriding system value select * from json_populate_recordset(null::${table}, $1)`,
        [rows],
      );
    }
    await client.query("select setval(pg_get_serial_sequence('accounts', 'life'), (select max(life) from accounts))");
    await client.end();
    return url;
  },
};

test("a poll that is held back while the files below it are put back hands out nothing of the other time", async () => {
  let server = await start("primary");
  const feed = await begin(server.url);
  try {
    await createAccount(feed.database, "alpha");
    const gate = new GateDouble(feed);
    await gate.follow();
    server = await files.keep(server);
    await until("the server answers", () =>
      sql`select`.execute(feed.database.db).then(
        () => true,
        () => false,
      ),
    );
    await connect(feed.database, "alpha", "pe1.g1", [7]);
    await gate.follow();
    const held = gate.ask({ wait: 30 });
    await until("the poll is held back", () => feed.held() === 1);
    await files.restore(server);
    expect((await held).status).toBe(503);
    expect((await gate.ask()).status).toBe(503);
    expect(await viewRegistry(feed.database)).toMatchObject({ state: "held" });
  } finally {
    await feed.close();
  }
});

test.each([
  ["files put back on the same server", files],
  ["a promoted standby that had fallen behind", standby],
  ["a dump in a new server", dump],
] as const)("%s: held, nothing revoked is told to a gate, before the release or after it", async (_, way) => {
  let server = await start("primary");
  const nrp = new NrpDouble();
  let feed: Feed = await begin(server.url);
  let worker = startWorker(feed.database);
  let gate: GateDouble;
  try {
    for (const account of ["alpha", "beta"]) await createAccount(feed.database, account);
    await connect(feed.database, "alpha", "pe1.g1", [7]);
    gate = new GateDouble(feed);
    await gate.follow();
    await gate.follow();
    await worker.stop();
    await feed.close();
    server = await way.keep(server);

    // After the backup: alpha's endpoint is deleted, and Azure gives its link to beta's at once.
    feed = await begin(server.url);
    worker = startWorker(feed.database);
    gate = follower(gate, feed);
    await disconnect(feed.database, "alpha", "pe1.g1");
    await gate.follow();
    await gate.follow();
    await until(
      "the deletion has ended",
      async () => (await connection(feed.database, "alpha", "pe1.g1")) === undefined,
    );
    await connect(feed.database, "beta", "pe2.g2", [7]);
    nrp.set("pe2.g2", "beta", [7]);
    await gate.follow();
    const table = { alpha: "enabled\t", beta: "enabled\t7" };
    expect(gate.records()).toEqual(table);
  } finally {
    await worker.stop();
    await feed.close();
  }

  feed = await begin(await way.restore(server));
  worker = startWorker(feed.database);
  gate = follower(gate, feed);
  const { database } = feed;
  try {
    const revived = await connection(database, "alpha", "pe1.g1");
    expect([revived?.status, revived?.link_ids], "the restore has revived what was revoked").toEqual(["Approved", [7]]);
    expect(await connection(database, "beta", "pe2.g2")).toBeUndefined();

    const newcomer = new GateDouble(feed);
    expect((await gate.ask()).status, "held").toBe(503);
    expect((await newcomer.ask()).status).toBe(503);
    expect(gate.records(), "the gate goes on with its table").toEqual({ alpha: "enabled\t", beta: "enabled\t7" });
    expect(await viewRegistry(database)).toMatchObject({ state: "held", reconciledAt: null });
    await expect(releaseRegistry(database, { vouchGates: true, withoutReconcile: false })).rejects.toThrow(
      "reconciled",
    );
    expect((await gate.ask()).status, "a refused release releases nothing").toBe(503);

    nrp.isAway = true;
    const half = await reconcileRegistry(database, nrp);
    expect(half.complete).toBe(false);
    expect(half.unanswered).toMatchObject([{ id: expect.stringContaining("pe1.g1") }]);
    await expect(releaseRegistry(database, { vouchGates: true, withoutReconcile: false })).rejects.toThrow(
      "reconciled",
    );

    nrp.isAway = false;
    const report = await reconcileRegistry(database, nrp);
    expect(report).toMatchObject({ complete: true, connections: 1, unanswered: [] });
    expect(report.changed).toMatchObject([
      {
        id: expect.stringContaining("alpha/privateEndpointConnections/pe1.g1"),
        text: expect.stringContaining("NRP no longer has"),
      },
    ]);
    expect(report.open).toMatchObject([{ id: expect.stringContaining("beta/privateEndpointConnections/pe2.g2") }]);
    expect((await gate.ask()).status, "held until it is released").toBe(503);
    await expect(
      connect(database, "beta", "pe2.g2", [7]),
      "the link is alpha's until no gate can admit it",
    ).rejects.toMatchObject({
      code: "LinkIdInUse",
    });

    expect(await releaseRegistry(database, { vouchGates: true, withoutReconcile: false })).toMatchObject({
      state: "served",
      reconciledAt: expect.any(Date),
      revocationsHeldUntil: null,
    });
    const over = await gate.ask();
    expect([over.status, await over.text()]).toEqual([410, "!start-over\tkeep\n"]);
    const told = [];
    for (const one of [gate, newcomer]) {
      Object.assign(one, { cursor: "", table: new Map() });
      told.push(...(await one.follow()), ...(await one.follow()));
      expect(one.records()).toEqual({ alpha: "enabled\t", beta: "enabled\t" });
    }
    expect(told.filter(line => line.account === "alpha" && line.record !== "enabled\t")).toEqual([]);
    await until("the revocation has ended", async () => (await connection(database, "alpha", "pe1.g1")) === undefined);
    await connect(database, "beta", "pe2.g2", [7]);
    await gate.follow();
    expect(gate.records(), "as it was before").toEqual({ alpha: "enabled\t", beta: "enabled\t7" });
  } finally {
    await worker.stop();
    await feed.close();
  }
});

async function begin(url: string): Promise<Feed> {
  const database = openDatabase(url);
  await migrateToLatest(database.db);
  await database.close();
  const feed = await startFeed(url);
  await until("the server answers", () => sql`select`.execute(feed.database.db).then(() => true));
  return feed;
}

/** The same gate, asking another address. */
function follower(gate: GateDouble, feed: Feed): GateDouble {
  const { incarnation, cursor, table } = gate;
  return Object.assign(new GateDouble(feed), { incarnation, cursor, table });
}
