import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recordIntent, recordRefusal } from "../../src/audit/intents.ts";
import { deleteConnection } from "../../src/connections/service.ts";
import { type OpenDatabase, openDatabase } from "../../src/database/open.ts";
import { CUSTOMER, NRP, startTestApi, type TestApi } from "../support/api.ts";
import {
  accountPath,
  connectionPath,
  createAccount,
  decisionBody,
  expectStatus,
  nextLinkId,
  proxyBody,
  proxyPath,
  SUBSCRIPTION,
} from "../support/documents.ts";
import { until } from "../support/until.ts";

let api: TestApi;
let database: OpenDatabase;

beforeAll(async () => {
  api = await startTestApi();
  database = openDatabase(api.databaseUrl);
});

afterAll(async () => {
  await database.close();
  await api.stop();
});

const history = (account: string) =>
  database.db
    .selectFrom("decisions")
    .select(["action", "from_state", "to_state", "connection", "comment", "via", "by_app", "by_id", "correlation_id"])
    .where("account", "=", account)
    .orderBy("at")
    .execute();

const correlated = (id: string) => ({ headers: { "x-ms-correlation-request-id": id } });
const intend = (correlationId: string, account: string, action: "approve" | "reject" | "remove", comment: string) =>
  recordIntent(database.db, {
    correlationId,
    account,
    nameKey: "pe1.g",
    action,
    comment,
    by: { objectId: "admin-1", name: "Ada", appId: "portal" },
  });

async function request(account: string): Promise<void> {
  await createAccount(api.nrp, account);
  expectStatus(await api.nrp.put(proxyPath(account, "PE1.g"), proxyBody("PE1.g", "manual", [nextLinkId()])), 201);
}

test("every change of state leaves one row, with who, from, to and the correlation id; what changes nothing leaves none", async () => {
  await request("history");
  const id = randomUUID();
  const decide = (status: string) =>
    api.nrp.put(connectionPath("history", "pe1.g"), decisionBody(status, `to ${status}`), {
      headers: { "x-ms-correlation-request-id": id, "x-ms-client-object-id": "nrp-object" },
    });
  expectStatus(await decide("Approved"), 200);
  expectStatus(await decide("Approved"), 200);
  expectStatus(await decide("Rejected"), 200);
  expectStatus(await decide("Approved"), 409);
  expectStatus(
    await api.customer.patch(accountPath("history"), { properties: { publicNetworkAccess: "Disabled" } }),
    200,
  );
  expectStatus(await api.customer.patch(accountPath("history"), { tags: { a: "b" } }), 200);
  const nrp = { connection: "PE1.g", via: "nrp", by_app: NRP, by_id: "nrp-object", correlation_id: id };
  expect(await history("history")).toEqual([
    {
      ...{ ...nrp, correlation_id: expect.any(String), by_id: null },
      ...{ action: "request", from_state: "Absent", to_state: "Pending", comment: "Please approve." },
    },
    { ...nrp, action: "approve", from_state: "Pending", to_state: "Approved", comment: "to Approved" },
    { ...nrp, action: "reject", from_state: "Approved", to_state: "Rejected", comment: "to Rejected" },
    {
      ...{ action: "set-public-access", from_state: "Enabled", to_state: "Disabled", comment: null },
      ...{ connection: null, via: "arm", by_app: CUSTOMER, by_id: null, correlation_id: expect.any(String) },
    },
  ]);
});

test("deleting an account is written down, and the end of each of its connections with it", async () => {
  await request("cascade");
  const gate = api.gate(); // has not acknowledged it, so that the account is still there for the second call
  await gate.catchUp();
  expectStatus(await api.customer.delete(accountPath("cascade")), 202);
  expectStatus(await api.customer.delete(accountPath("cascade")), 202);
  const rows = (await history("cascade")).slice(1);
  expect(rows).toMatchObject([
    { action: "delete-account", from_state: "Present", to_state: "Absent", connection: null },
    { action: "remove", from_state: "Pending", to_state: "Disconnected", connection: "PE1.g", via: "arm" },
  ]);
  expect(new Set(rows.map(row => row.correlation_id)).size).toBe(1);
  await gate.sayGoodbye();
});

test("a change that is rolled back leaves no row", async () => {
  await request("undone");
  const before = await history("undone");
  // The claim of a link id in use is refused after the row was found, in the same transaction.
  const taken = nextLinkId();
  await createAccount(api.nrp, "holder");
  expectStatus(await api.nrp.put(proxyPath("holder", "pe2.g"), proxyBody("pe2.g", "auto", [taken])), 201);
  expectStatus(await api.nrp.put(proxyPath("undone", "pe1.g"), proxyBody("PE1.g", "manual", [taken])), 409);
  expect(await history("undone")).toEqual(before);
});

test("what the api does by itself is its own doing, not NRP's", async () => {
  await request("own-doing");
  const path = { subscriptionId: SUBSCRIPTION, resourceGroup: "rg", account: "own-doing", name: "pe1.g" };
  const caller = { systemData: { lastModifiedBy: "linkgate-reconcile" }, correlationId: randomUUID() };
  await database.db.transaction().execute(tx => deleteConnection(tx, path, caller));
  const [last] = await database.db
    .selectFrom("decisions")
    .select(["via", "by_name", "by_app"])
    .where("account", "=", "own-doing")
    .orderBy("at", "desc")
    .execute();
  expect(last).toEqual({ via: "linkgate", by_name: "linkgate-reconcile", by_app: null });
});

test("an admin's decision is known again by the correlation id that came through ARM, once", async () => {
  await request("joined");
  const id = randomUUID();
  await intend(id, "joined", "approve", "it is ours");
  const path = connectionPath("joined", "pe1.g");
  expectStatus(await api.nrp.put(path, decisionBody("Approved"), correlated(id)), 200);
  expectStatus(await api.nrp.put(path, decisionBody("Rejected"), correlated(id)), 200);
  await until("the withdrawal ends", async () => {
    return (await api.nrp.get(path)).body.properties.provisioningState === "Succeeded";
  });
  expectStatus(await api.nrp.put(proxyPath("joined", "pe1.g"), proxyBody("PE1.g", "manual", [nextLinkId()])), 200);
  expectStatus(await api.nrp.put(path, decisionBody("Approved"), correlated(id)), 200);
  expect((await history("joined")).map(({ action, via }) => `${action} ${via}`)).toEqual([
    "request nrp",
    "approve portal",
    "reject nrp",
    "request nrp",
    "approve nrp",
  ]);
});

test.each<[string, (id: string, account: string) => Promise<unknown>]>([
  ["of another action", (id, account) => intend(id, account, "remove", "")],
  ["of another account", id => intend(id, "somebody-else", "approve", "")],
  ["of another correlation id", (_, account) => intend(randomUUID(), account, "approve", "")],
  [
    "that ARM refused",
    async (id, account) => {
      await intend(id, account, "approve", "");
      const intent = { correlationId: id, account, nameKey: "pe1.g" };
      await recordRefusal(database.db, intent, { code: "AuthorizationFailed", message: "no" });
    },
  ],
  [
    "that is too old",
    async (id, account) => {
      await sql`insert into decision_intents (correlation_id, account, name_key, action, comment, by_id, by_name, by_app, at)
        values (${id}, ${account}, 'pe1.g', 'approve', '', 'a', 'a', 'a', clock_timestamp() - interval '16 minutes')`.execute(
        database.db,
      );
    },
  ],
])("nothing is put down to an admin by an intent %s", async (name, prepare) => {
  const account = `not-${name.replaceAll(" ", "-")}`.toLowerCase().slice(0, 23).replace(/-$/, "");
  await request(account);
  const id = randomUUID();
  await prepare(id, account);
  expectStatus(await api.nrp.put(connectionPath(account, "pe1.g"), decisionBody("Approved"), correlated(id)), 200);
  expect((await history(account)).at(-1)).toMatchObject({ action: "approve", via: "nrp" });
});

test.each(["decisions", "decision_intents", "decision_refusals"])(
  "%s can't be rewritten, not even by the api",
  async table => {
    const statements = [
      sql`update ${sql.table(table)} set account = 'x'`,
      sql`delete from ${sql.table(table)}`,
      sql`truncate ${sql.table(table)} cascade`,
    ];
    for (const statement of statements) {
      await expect(statement.execute(database.db)).rejects.toThrow(/is append-only/);
    }
  },
);
