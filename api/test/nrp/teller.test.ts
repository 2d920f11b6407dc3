import type { Transaction } from "kysely";
import { pino } from "pino";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { deleteAccount, requireLockedAccount } from "../../src/accounts/service.ts";
import {
  changeConnection,
  decideConnection,
  deleteConnection,
  requireConnection,
} from "../../src/connections/service.ts";
import { enterCurrentEpoch } from "../../src/database/epoch.ts";
import { notify } from "../../src/database/notifications.ts";
import { type OpenDatabase, openDatabase } from "../../src/database/open.ts";
import type { Database } from "../../src/database/schema.ts";
import { claimNotice, LEASE, settleNotice } from "../../src/nrp/notices.ts";
import { startNrpTeller } from "../../src/nrp/teller.ts";
import { lockDueOperation } from "../../src/operations/repository.ts";
import { findOperation } from "../../src/operations/service.ts";
import { moveEndpoint } from "../../src/proxies/service.ts";
import { feedRow } from "../feed/kit.ts";
import {
  caller,
  connect,
  createAccount,
  decide,
  disconnect,
  NrpDouble,
  silent,
  startWorker,
} from "../reconcile/kit.ts";
import { SUBSCRIPTION } from "../support/documents.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

let database: OpenDatabase;
let drop: () => Promise<void>;
let nrp: NrpDouble;
let running: { stop(): Promise<void> }[];

beforeEach(async () => {
  const made = await createTestDatabase();
  drop = made.drop;
  database = openDatabase(made.url);
  nrp = new NrpDouble();
  running = [];
  await enterCurrentEpoch(database.db);
  await createAccount(database, "alpha");
  await connect(database, "alpha", "pe1.g", [7]);
  await connect(database, "alpha", "pe2.g", [8], "manual");
});

afterEach(async () => {
  for (const one of running) await one.stop();
  await database.close();
  await drop();
});

const customer = { ...caller, by: { via: "arm", objectId: undefined, name: undefined, appId: undefined } } as const;
const path = { subscriptionId: SUBSCRIPTION, resourceGroup: "rg", account: "alpha" };
const remove = async (): Promise<string> => {
  const operation = await database.db
    .transaction()
    .execute((tx: Transaction<Database>) => deleteAccount(tx, path, {}, caller));
  return operation?.id ?? "";
};
const decideAsCustomer = (name: string, status: "Approved" | "Rejected") =>
  database.db.transaction().execute(tx => {
    const body = { properties: { privateLinkServiceConnectionState: { status } } };
    return decideConnection(tx, { ...path, name }, body, customer);
  });
/** As a reconciliation does. */
const withdraw = (name: string) =>
  database.db.transaction().execute(async tx => {
    const account = await requireLockedAccount(tx, path);
    const connection = await requireConnection(tx, account, { ...path, name });
    return changeConnection(tx, account, connection, caller, { status: "Rejected", description: "Withdrawn." });
  });
const notices = () => database.db.selectFrom("nrp_notices").selectAll().execute();
const tell = (to: NrpDouble | undefined = nrp) => running.push(startNrpTeller({ ...database, nrp: to, log: silent }));
const work = () => running.push(startWorker(database));
const hasEnded = (id: string) => async () => (await findOperation(database.db, id))?.status === "Succeeded";
/** What was to be tried later is due now. */
const hurry = async () => {
  await database.db
    .updateTable("nrp_notices")
    .set({ not_before: new Date(0) })
    .execute();
  await notify(database.db, "operations");
};

test("NRP is told of every connection of a deleted account, then the account goes", async () => {
  const id = await remove();
  expect((await feedRow(database.db, "alpha")).present, "the gates do not wait for NRP").toBe(false);
  work();
  tell();
  await until("the deletion", hasEnded(id));
  expect(nrp.told.toSorted()).toEqual(["pe1.g alpha", "pe2.g alpha"]);
  expect(await notices()).toEqual([]);
  expect(await database.db.selectFrom("accounts").selectAll().execute()).toEqual([]);
});

test("while NRP is away the account stays, its name and links taken; nothing is lost when the api dies meanwhile", async () => {
  nrp.isAway = true;
  const id = await remove();
  work();
  tell();
  await until("two attempts", async () => (await notices()).some(notice => notice.attempts >= 2));
  expect(await findOperation(database.db, id)).toMatchObject({ status: "Running" });
  await expect(createAccount(database, "alpha")).rejects.toMatchObject({ code: "AnotherOperationInProgress" });
  await createAccount(database, "beta");
  await expect(connect(database, "beta", "pe3.g", [7])).rejects.toMatchObject({ code: "LinkIdInUse" });
  for (const one of running.splice(0)) await one.stop();
  expect(await notices()).toHaveLength(2);

  nrp.isAway = false;
  await hurry();
  work();
  tell();
  await until("the deletion", hasEnded(id));
  expect(nrp.told).toHaveLength(2);
  await connect(database, "beta", "pe3.g", [7]);
});

test("a notice whose sender has died is sent by another", async () => {
  const id = await remove();
  nrp.tell = () => new Promise(() => {}); // it never comes back, nor renews what it has taken
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const stuck = startNrpTeller({ ...database, nrp, log: silent });
  const taken = await until("it is taken", async () => (await notices()).find(notice => notice.attempts === 1));
  await database.db
    .updateTable("nrp_notices")
    .set({ not_before: new Date(Date.now() + 3600_000) })
    .where("id", "=", taken.id)
    .execute(); // however long the test takes
  const other = new NrpDouble();
  tell(other);
  await until("the other notice is settled", async () => (await notices()).length === 1);
  expect(other.told, "the taken one is left alone as long as it may be on its way").toHaveLength(1);
  await hurry();
  work();
  await until("the deletion", hasEnded(id));
  expect(other.told).toHaveLength(2);
  expect(stuck).toBeDefined();
});

test("a notice that takes long to send stays its sender's", async () => {
  const sent = Promise.withResolvers<void>();
  nrp.tell = () => sent.promise;
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    await remove();
    tell();
    const taken = await until("it is taken", async () => (await notices()).find(notice => notice.attempts === 1));
    // The row is there before its sender has heard so.
    await until("its sender is at it", () => vi.getTimerCount() === 1);
    vi.advanceTimersByTime(LEASE * 500);
    await until("it is renewed", async () =>
      (await notices()).some(({ id, not_before }) => id === taken.id && not_before > taken.not_before),
    );
    sent.resolve();
    await until("it is settled", async () => (await notices()).length === 0);
    expect(vi.getTimerCount(), "and is renewed no more").toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("the deletion waits for NRP without failing over it", async () => {
  nrp.isAway = true;
  const logged: string[] = [];
  const id = await remove();
  running.push(startWorker(database, pino({ level: "warn" }, { write: line => void logged.push(line) })));
  tell();
  await until("an attempt", async () => (await notices()).some(notice => notice.attempts >= 2));
  expect(await findOperation(database.db, id)).toMatchObject({ status: "Running" });
  nrp.isAway = false;
  await hurry();
  await until("the deletion", hasEnded(id));
  expect(logged).toEqual([]);
});

test("two replicas tell each once, and a DELETE that is repeated tells nothing twice", async () => {
  const id = await remove();
  expect(await remove()).toBe(id);
  tell();
  tell();
  work();
  await until("the deletion", hasEnded(id));
  expect(nrp.told).toHaveLength(2);
});

test("a connection that NRP deleted itself is none of the account's news", async () => {
  await disconnect(database, "alpha", "pe1.g");
  await remove();
  expect((await notices()).map(notice => notice.connection_id.split("/").at(-1))).toEqual(["pe2.g"]);
});

test("an account does not go before NRP has been told of a connection that its customer had removed first", async () => {
  const removal = await database.db
    .transaction()
    .execute(tx => deleteConnection(tx, { ...path, name: "pe1.g" }, customer));
  const deletion = await remove();
  await database.db
    .updateTable("operations")
    .set({ barrier_passed_at: new Date(0) })
    .execute();
  const due = async (): Promise<string[]> => {
    const ids: string[] = [];
    await database.db.transaction().execute(async tx => {
      for (let one = await lockDueOperation(tx, 0, ids); one; one = await lockDueOperation(tx, 0, ids))
        ids.push(one.id);
    });
    return ids.toSorted();
  };
  const told = async (name: string): Promise<void> => {
    const notice = (await notices()).find(({ connection_id }) => connection_id.endsWith(`/${name}`));
    await settleNotice(database.db, notice ?? expect.unreachable(`no notice of ${name}`));
  };
  await told("pe2.g");
  expect(await due(), "NRP knows nothing of the removal").toEqual([]);
  await told("pe1.g");
  expect(await due()).toEqual([deletion, removal?.id].toSorted());
});

test.each([
  ["rejected", "Rejected | Please approve.", (name: string) => decide(database, "alpha", name, "Rejected")],
  [
    "deleted",
    "Disconnected | The private endpoint connection was removed.",
    (name: string) => disconnect(database, "alpha", name),
  ],
  ["been asked after a restore and it was withdrawn", "Rejected | Withdrawn.", withdraw],
] as const)(
  "an approval that NRP has still to hear of when NRP itself has %s is not told any more",
  async (_what, told, change) => {
    await decideAsCustomer("pe2.g", "Approved");
    const onItsWay = await claimNotice(database.db);
    await change("pe2.g");
    await settleNotice(database.db, onItsWay ?? expect.unreachable());
    expect((await notices()).map(({ status, description }) => `${status} | ${description}`)).toEqual([told]);
  },
);

test("a rejection that NRP has still to hear of when the endpoint is asked for again is not told any more", async () => {
  await decideAsCustomer("pe2.g", "Rejected");
  await connect(database, "alpha", "pe2.g", [8], "manual");
  expect(await notices()).toEqual([]);
});

test("what NRP has still to hear of an endpoint that moves is told where it is then", async () => {
  await database.db.transaction().execute(tx => deleteConnection(tx, { ...path, name: "pe1.g" }, customer));
  const [before] = await notices();
  const onItsWay = await claimNotice(database.db);
  const from = before?.proxy_id.split("/privateLinkServiceProxies")[0] ?? "";
  const id = from.replace("/net/", "/elsewhere/");
  await database.db
    .transaction()
    .execute(tx => moveEndpoint(tx, { ...path, name: "pe1.g" }, { id, immutableResourceId: from }, caller));
  await settleNotice(database.db, onItsWay ?? expect.unreachable());
  expect(await notices()).toMatchObject([
    { ...before, attempts: 1, not_before: expect.any(Date), revision: 1, proxy_id: before?.proxy_id.replace(from, id) },
  ]);
});

test("an api that has no way to NRP says so and goes on", async () => {
  const id = await remove();
  running.push(startNrpTeller({ ...database, nrp: undefined, log: silent }));
  work();
  await until("the deletion", hasEnded(id));
});

test("after a restore NRP is not told of an approval that may have been withdrawn since, but of what was taken away", async () => {
  await decideAsCustomer("pe2.g", "Approved");
  await decideAsCustomer("pe1.g", "Rejected");
  expect((await notices()).map(notice => notice.status).toSorted()).toEqual(["Approved", "Rejected"]);

  // The database comes back under another identity: nothing is told before that has been noticed.
  await database.db.updateTable("registry").set({ seed: "another" }).execute();
  tell();
  await hurry();
  await expect(claimNotice(database.db)).resolves.toBeUndefined();
  expect(nrp.told).toEqual([]);
  await enterCurrentEpoch(database.db);
  await notify(database.db, "operations");
  await until("the rejection to be told", async () => (await notices()).length === 0);
  expect(nrp.told).toEqual(["pe1.g alpha"]);
});
