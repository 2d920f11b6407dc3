import Fastify from "fastify";
import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { OperationKind } from "../../src/database/schema.ts";
import { giveUpSilentGates, retireGate, waitingFor } from "../../src/gates/repository.ts";
import { passBarriers } from "../../src/operations/repository.ts";
import { findOperation, type OperationRow, startOperation } from "../../src/operations/service.ts";
import { type Finisher, startOperationWorker } from "../../src/operations/worker.ts";
import { type Feed, GateDouble, gateNames, gateRow, putAccount, putConnection, startFeed } from "../feed/kit.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

let drop: () => Promise<void>;
let feed: Feed;
let db: Feed["database"]["db"];
let stop: (() => Promise<void>) | undefined;

beforeEach(async () => {
  const made = await createTestDatabase();
  drop = made.drop;
  feed = await startFeed(made.url);
  db = feed.database.db;
  await putAccount(db, "alpha");
  await db.transaction().execute(tx => putConnection(tx, "alpha", [17]));
});

afterEach(async () => {
  await stop?.();
  stop = undefined;
  await feed.close();
  await drop();
});

/** What the worker says; the finishers do nothing unless told otherwise. */
function startWorker(options: { linkQuarantine?: number; finish?: Finisher; kind?: OperationKind } = {}): string[] {
  const said: string[] = [];
  const { log } = Fastify({
    logger: { level: "info", stream: { write: (line: string) => said.push(JSON.parse(line).msg) } },
  });
  const nothing: Finisher = async () => {};
  const worker = startOperationWorker({
    ...feed.database,
    finishers: {
      "connection-reject": nothing,
      "connection-delete": options.finish ?? nothing,
      "connection-relink": nothing,
      "account-delete": nothing,
    },
    linkQuarantine: options.linkQuarantine ?? 0,
    ageMargin: 60,
    log,
  });
  stop = () => worker.stop();
  return said;
}

const removal = {
  kind: "connection-delete",
  account: "alpha",
  nameKey: "pe",
  subscriptionId: "s",
  location: "westeurope",
  resourceId: "/subscriptions/s/x",
} as const;

/** Takes link 17 away from the account, as a DELETE does. */
const revoke = (): Promise<OperationRow> =>
  db.transaction().execute(async tx => {
    await putConnection(tx, "alpha", []);
    return startOperation(tx, removal);
  });

const read = async ({ id }: OperationRow): Promise<OperationRow> => {
  const row = await findOperation(db, id);
  if (row === undefined) throw new Error("the operation is gone");
  return row;
};
const succeeded = (operation: OperationRow) =>
  until("the operation succeeds", async () => (await read(operation)).status === "Succeeded");
const waits = async (operation: OperationRow) => (await waitingFor(db, operation)).map(gate => gate.incarnation);
/** Looks at the gates as the worker does, so that "not yet" needs no waiting. */
const passed = async () => (await passBarriers(db, 60)).length > 0;

async function loadedGate(name: string = gateNames[0]): Promise<GateDouble> {
  const gate = new GateDouble(feed, name);
  await gate.follow();
  await gate.follow();
  return gate;
}

test("with no gate at all an operation ends by itself", async () => {
  startWorker();
  const operation = await revoke();
  await succeeded(operation);
  expect(await read(operation)).toMatchObject({
    ended_at: expect.any(Date),
    barrier_passed_at: expect.any(Date),
    error: null,
  });
});

test("rule 23: it ends when every gate has acknowledged the revocation, and not before", async () => {
  const [one, two] = [await loadedGate(gateNames[0]), await loadedGate(gateNames[1])];
  const operation = await revoke();
  expect((await waits(operation)).sort()).toEqual([one.incarnation, two.incarnation].sort());
  expect(await passed()).toBe(false);
  expect((await one.follow()).map(line => line.record)).toEqual(["enabled\t"]);
  expect(await passed(), "sent, but not in force yet").toBe(false);
  await one.follow();
  expect(await waits(operation)).toEqual([two.incarnation]);
  expect(await passed()).toBe(false);
  await two.follow();
  startWorker();
  await two.follow();
  await succeeded(operation);
});

test("rule 23: gates are read in a snapshot after the commit: an acknowledgement before it does not count", async () => {
  const gate = await loadedGate();
  const tx = await db.startTransaction().execute();
  await putConnection(tx, "alpha", []);
  const operation = await startOperation(tx, removal);
  await gate.follow(); // its snapshots are newer than the transaction's id, but it was open
  await gate.follow();
  await tx.commit().execute();
  expect(await passed()).toBe(false);
  expect(await waits(operation)).toEqual([gate.incarnation]);
  await gate.follow();
  await gate.follow();
  expect(await passed()).toBe(true);
});

test("rule 13: inside a sweep of several pages nothing is acknowledged", async () => {
  const gate = await loadedGate();
  for (const account of ["beta", "gamma"]) await putAccount(db, account);
  await revoke();
  expect((await gate.poll({ limit: 1 })).lines[0]?.account, "the revocation itself has arrived").toBe("alpha");
  for (const isDone of [false, true]) {
    expect((await gate.poll({ limit: 1 })).isDone).toBe(isDone);
    expect(await passed()).toBe(false);
  }
  await gate.poll();
  expect(await passed()).toBe(true);
});

test("rule 14: a gate that joins during the barrier, and one that has acknowledged nothing, are waited for", async () => {
  const before = new GateDouble(feed);
  await before.follow(); // loaded, nothing acknowledged
  const operation = await revoke();
  const joining = new GateDouble(feed, gateNames[1]);
  await joining.follow();
  expect((await waits(operation)).sort()).toEqual([before.incarnation, joining.incarnation].sort());
  await before.follow();
  await before.follow();
  expect(await passed()).toBe(false);
  await joining.follow();
  expect(await passed()).toBe(true);
});

test("rule 11: a twin of the same name does not answer for its brother", async () => {
  const [old, young] = [await loadedGate(), await loadedGate()];
  const operation = await revoke();
  await young.follow();
  await young.follow();
  expect(await waits(operation)).toEqual([old.incarnation]);
  expect(await passed()).toBe(false);
});

test("rule 22: a goodbye ends the waiting", async () => {
  const gate = await loadedGate();
  startWorker();
  const operation = await revoke();
  expect(await passed()).toBe(false);
  await gate.ask({ bye: 1 });
  await succeeded(operation);
});

test("rule 25: retiring ends the waiting, and the gate is refused for ever", async () => {
  const gate = await loadedGate();
  startWorker();
  const operation = await revoke();
  await retireGate(db, gate.incarnation);
  await succeeded(operation);
  expect((await gate.ask()).status).toBe(410);
});

test("rule 24: a silent gate is given up after its age limit, 1 % and the margin, by the database's clock", async () => {
  const gate = await loadedGate();
  const silentFor = (seconds: number) =>
    sql`update gates set max_age = 100000, heard_at = clock_timestamp() - make_interval(secs => ${seconds})
      where incarnation = ${gate.incarnation}`.execute(db);
  await silentFor(500_000);
  expect(await giveUpSilentGates(db, 60), "nothing waits for it").toEqual([]);
  const operation = await revoke();
  await silentFor(100_500); // long before its end, 101,060
  expect(await giveUpSilentGates(db, 60)).toEqual([]);
  expect(await passed()).toBe(false);
  await silentFor(101_061);
  const said = startWorker();
  await succeeded(operation);
  // It is said after the commit.
  await until("the worker has said so", () => said.includes("operation ended"));
  expect(said).toEqual(["silent gate given up", "barrier passed", "operation ended"]);
  expect(await gateRow(db, gate.incarnation)).toMatchObject({ state: "given-up" });
  const response = await gate.ask();
  expect([response.status, await response.text()]).toEqual([410, "!start-over\tdrop\n"]);
});

test("rule 24: the worker looks at the right moment by itself; nobody wakes it", async () => {
  const gate = await loadedGate();
  const operation = await revoke();
  startWorker();
  await sql`update gates set max_age = 100, heard_at = clock_timestamp() - make_interval(secs => 160.5)`.execute(db);
  await succeeded(operation);
  expect(await gateRow(db, gate.incarnation)).toMatchObject({ state: "given-up" });
});

test("rule 24: a poll that comes first keeps the gate", async () => {
  const gate = await loadedGate();
  await revoke();
  await sql`update gates set max_age = 100, heard_at = clock_timestamp() - interval '1 hour'`.execute(db);
  await gate.poll();
  expect(await giveUpSilentGates(db, 60)).toEqual([]);
});

test("rule 28: an operation ends the quarantine after its barrier, not before", async () => {
  startWorker({ linkQuarantine: 0.5 });
  const operation = await revoke();
  await succeeded(operation);
  const { barrier_passed_at, ended_at } = await read(operation);
  expect((ended_at?.getTime() ?? 0) - (barrier_passed_at?.getTime() ?? 0)).toBeGreaterThanOrEqual(499);
});

test("the finisher and Succeeded are one transaction; a failing one is tried again, logged, and never lost", async () => {
  let tries = 0;
  const looked = Promise.withResolvers<void>();
  const said = startWorker({
    async finish(tx, operation) {
      await tx.deleteFrom("accounts").where("account", "=", "beta").execute();
      tries += 1;
      if (tries < 3) throw new Error("not yet");
      await looked.promise;
      expect(operation.name_key).toBe("pe");
    },
  });
  await putAccount(db, "beta");
  const operation = await revoke();
  await until("it has failed once", () => said.includes("operation could not be finished"));
  expect(await db.selectFrom("accounts").select("account").where("account", "=", "beta").execute()).toHaveLength(1);
  expect((await read(operation)).status).toBe("Running");
  looked.resolve();
  await succeeded(operation);
  expect(tries).toBe(3);
  expect(await db.selectFrom("accounts").select("account").where("account", "=", "beta").execute()).toEqual([]);
});

test("one operation that can't be finished does not hold up the others", async () => {
  const bad = await revoke();
  startWorker({
    async finish(_tx, { id }) {
      if (id === bad.id) throw new Error("never");
    },
  });
  const good = await revoke();
  await succeeded(good);
  expect((await read(bad)).status).toBe("Running");
});

test("several replicas end each operation once", async () => {
  let ends = 0;
  const finish: Finisher = async () => {
    ends += 1;
  };
  startWorker({ finish });
  const stopFirst = stop;
  startWorker({ finish });
  const operations = await Promise.all(
    Array.from({ length: 12 }, () => db.transaction().execute(tx => startOperation(tx, removal))),
  );
  for (const operation of operations) await succeeded(operation);
  await stopFirst?.();
  expect(ends).toBe(12);
});

test("an operation that was running when the worker stopped goes on with the next one", async () => {
  const gate = await loadedGate();
  startWorker();
  const operation = await revoke();
  await stop?.();
  await gate.follow();
  await gate.follow();
  expect((await read(operation)).status).toBe("Running");
  startWorker();
  await succeeded(operation);
});

test("a worker whose database is away goes on when it is back", async () => {
  const said = startWorker();
  await succeeded(await revoke());
  await sql`alter table operations rename to operations_away`.execute(db);
  await feed.database.db.transaction().execute(async tx => {
    await sql`select pg_notify('linkgate_operations', '')`.execute(tx);
  });
  await until("it says so", () => said.includes("operations could not be looked at"));
  await sql`alter table operations_away rename to operations`.execute(db);
  await succeeded(await revoke());
});

test("rule 27: a link id has one owner at a time, and is free only in the transaction that ends the operation", async () => {
  const claim = (account: string) =>
    db.insertInto("link_claims").values({ link_id: 17, account, name_key: "pe" }).execute();
  await claim("alpha");
  const looked = Promise.withResolvers<void>();
  startWorker({
    finish: async tx => {
      await looked.promise;
      await tx.deleteFrom("link_claims").where("link_id", "=", 17).execute();
    },
  });
  const operation = await revoke();
  await until("its barrier has passed", async () => (await read(operation)).barrier_passed_at !== null);
  await expect(claim("beta")).rejects.toMatchObject({ code: "23505" });
  looked.resolve();
  await succeeded(operation);
  await claim("beta");
});
