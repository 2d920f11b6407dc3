import { afterEach, beforeEach, expect, test } from "vitest";
import { enterCurrentEpoch } from "../../src/database/epoch.ts";
import { type OpenDatabase, openDatabase } from "../../src/database/open.ts";
import { holdRegistry, releaseRegistry, viewRegistry } from "../../src/database/release.ts";
import { renderReport } from "../../src/reconcile/report.ts";
import { reconcileRegistry } from "../../src/reconcile/service.ts";
import { feedRow } from "../feed/kit.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { connect, connection, createAccount, decide, disconnect, NrpDouble, startWorker } from "./kit.ts";

let database: OpenDatabase;
let drop: () => Promise<void>;
let nrp: NrpDouble;

beforeEach(async () => {
  const made = await createTestDatabase();
  drop = made.drop;
  database = openDatabase(made.url);
  nrp = new NrpDouble();
  await enterCurrentEpoch(database.db);
});

afterEach(async () => {
  await database.close();
  await drop();
});

/** Connects an endpoint, here and at NRP. */
async function connectBoth(account: string, name: string, links: number[]): Promise<void> {
  await connect(database, account, name, links);
  nrp.set(name, account, links);
}

const idsOf = async (account: string) => (await feedRow(database.db, account)).link_ids;

test("what NRP confirms is left alone, and the registry counts as reconciled in this epoch only", async () => {
  await createAccount(database, "alpha");
  await connectBoth("alpha", "pe1.g", [7]);
  const before = await connection(database, "alpha", "pe1.g");
  const report = await reconcileRegistry(database, nrp);
  expect(report).toEqual({ complete: true, accounts: 1, connections: 1, changed: [], open: [], unanswered: [] });
  expect(await connection(database, "alpha", "pe1.g")).toEqual(before);
  expect((await viewRegistry(database)).reconciledAt).toBeInstanceOf(Date);
  await holdRegistry(database);
  expect(await viewRegistry(database)).toMatchObject({ state: "held", reconciledAt: null });
  const release = { vouchGates: false, withoutReconcile: false };
  await expect(releaseRegistry(database, release)).rejects.toThrow("has not been reconciled");
  await reconcileRegistry(database, nrp);
  expect(await releaseRegistry(database, release)).toMatchObject({ state: "served" });
});

test("link ids are corrected, and the old ones stay taken until no gate can admit them", async () => {
  await createAccount(database, "alpha");
  await connectBoth("alpha", "pe1.g", [7]);
  nrp.set("pe1.g", "alpha", [8, 9]);
  const report = await reconcileRegistry(database, nrp);
  expect(report.changed).toEqual([
    {
      id: expect.stringMatching(/\/services\/alpha\/privateEndpointConnections\/pe1\.g$/),
      text: "link ids corrected: NRP has link id 8, 9, the registry had link id 7",
    },
  ]);
  expect(await idsOf("alpha")).toEqual([8, 9]);
  expect(await connection(database, "alpha", "pe1.g")).toMatchObject({
    status: "Approved",
    provisioning_state: "Updating",
    remote_private_endpoint: { connectionDetails: [{ linkIdentifier: "8" }, { linkIdentifier: "9" }] },
  });
  await createAccount(database, "beta");
  await expect(connect(database, "beta", "pe2.g", [7])).rejects.toMatchObject({ code: "LinkIdInUse" });
  const worker = startWorker(database);
  await until("the revocation's end", async () => {
    const row = await connection(database, "alpha", "pe1.g");
    return row?.provisioning_state === "Succeeded";
  });
  await worker.stop();
  await connect(database, "beta", "pe2.g", [7]);
  expect(await reconcileRegistry(database, nrp), "again, nothing is left to do for alpha").toMatchObject({
    changed: [{ id: expect.stringContaining("beta") }],
  });
});

test("a link that somebody else still holds can't be corrected: the endpoint is disconnected", async () => {
  for (const account of ["alpha", "beta"]) await createAccount(database, account);
  await connectBoth("alpha", "pe1.g", [7]);
  await connectBoth("beta", "pe2.g", [8]);
  nrp.set("pe1.g", "alpha", [8]);
  nrp.set("pe2.g", "beta", [7]);
  const report = await reconcileRegistry(database, nrp);
  expect(report.complete).toBe(true);
  expect(report.changed.map(({ text }) => text.split(":")[0])).toEqual(["disconnected", "disconnected"]);
  expect([await idsOf("alpha"), await idsOf("beta")]).toEqual([[], []]);
});

test("an approval that was withdrawn after the backup is withdrawn again; one that was given is not given", async () => {
  await createAccount(database, "alpha");
  await connectBoth("alpha", "pe1.g", [7]);
  nrp.set("pe1.g", "alpha", [7], "Rejected");
  await connect(database, "alpha", "pe2.g", [8], "manual");
  nrp.set("pe2.g", "alpha", [8], "Approved");
  const report = await reconcileRegistry(database, nrp);
  expect(report.changed).toMatchObject([{ text: "approval withdrawn: NRP knows it as Rejected" }]);
  expect(report.open).toMatchObject([{ text: expect.stringContaining("it is Pending here and Approved at NRP") }]);
  expect(await idsOf("alpha")).toEqual([]);
  expect(await connection(database, "alpha", "pe1.g")).toMatchObject({ status: "Rejected" });
  expect(await connection(database, "alpha", "pe2.g")).toMatchObject({ status: "Pending" });
});

test("one that is on its way out is left to its own operation, and one whose account goes as well", async () => {
  for (const account of ["alpha", "beta"]) await createAccount(database, account);
  await connect(database, "alpha", "pe1.g", [7]);
  await disconnect(database, "alpha", "pe1.g");
  expect(await reconcileRegistry(database, nrp)).toMatchObject({ complete: true, connections: 0, changed: [] });
});

test("one that changes while NRP is asked is not touched", async () => {
  await createAccount(database, "alpha");
  await connect(database, "alpha", "pe1.g", [7], "manual");
  nrp.findProxy = async () => {
    await decide(database, "alpha", "pe1.g", "Approved");
    return undefined;
  };
  const report = await reconcileRegistry(database, nrp);
  expect(report).toMatchObject({
    complete: false,
    changed: [],
    unanswered: [{ text: expect.stringContaining("meanwhile") }],
  });
  expect(await connection(database, "alpha", "pe1.g")).toMatchObject({ status: "Approved" });
});

test("many accounts are all asked about, over several pages", async () => {
  const names = Array.from({ length: 450 }, (_, n) => `account-${String(n).padStart(4, "0")}`);
  for (const name of names) await createAccount(database, name);
  await connect(database, "account-0449", "pe1.g", [7]);
  const report = await reconcileRegistry(database, nrp);
  expect(report).toMatchObject({ accounts: 450, connections: 1, changed: [{ id: expect.stringContaining("0449") }] });
});

test("the report says what was done, what is left, and whether it is whole", async () => {
  await createAccount(database, "alpha");
  await connect(database, "alpha", "pe1.g", [7]);
  nrp.set("pe9.g", "alpha", [9]);
  const whole = renderReport(await reconcileRegistry(database, nrp));
  expect(whole).toContain("1 connections of 1 accounts were compared with NRP.");
  expect(whole).toContain("disconnected: NRP no longer has the endpoint");
  expect(whole).toContain("NRP has it as Approved (link ids: 9), the registry does not; NRP has to PUT it again");
  expect(whole).toMatch(/Next: registry release\n$/);
  await connect(database, "alpha", "pe2.g", [8]);
  nrp.isAway = true;
  expect(renderReport(await reconcileRegistry(database, nrp))).toMatch(/NOT reconciled as a whole/);
});
