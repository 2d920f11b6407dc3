import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finishers } from "../../src/connections/finish.ts";
import { type OpenDatabase, openDatabase } from "../../src/database/open.ts";
import { findOperation, type OperationRow } from "../../src/operations/service.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import {
  accountPath,
  connectionPath,
  createAccount,
  decisionBody,
  expectStatus,
  nextLinkId,
  proxyBody,
  proxyPath,
} from "../support/documents.ts";
import { until } from "../support/until.ts";

let api: TestApi;
let database: OpenDatabase;

beforeAll(async () => {
  api = await startTestApi();
  database = openDatabase(api.databaseUrl);
  await createAccount(api.nrp, "late");
});
afterAll(async () => {
  await database.close();
  await api.stop();
});

async function operationOf(url: string | undefined): Promise<OperationRow> {
  const id = new URL(url ?? "").pathname.split("/").at(-1) ?? "";
  const operation = await findOperation(database.db, id);
  if (operation === undefined) throw new Error(`no operation ${id}`);
  return operation;
}

/** Everything a finisher could touch. */
async function snapshot(): Promise<unknown> {
  const { rows } = await sql`select
    (select jsonb_agg(to_jsonb(a) order by a.account) from accounts a) as accounts,
    (select jsonb_agg(to_jsonb(c) order by c.account, c.name_key) from connections c) as connections,
    (select jsonb_agg(to_jsonb(l) order by l.link_id) from link_claims l) as claims`.execute(database.db);
  return rows;
}

describe("an operation that ends late", () => {
  it("touches nothing of a connection or account that was made anew under the same name", async () => {
    const link = nextLinkId();
    const make = async () =>
      expectStatus(await api.nrp.put(proxyPath("late", "pe"), proxyBody("pe", "auto", [link])), 201);
    const gone = (path: string) => until(`${path} to go`, async () => (await api.customer.get(path)).status === 404);
    const old: OperationRow[] = [];

    await make();
    const rejected = await api.nrp.put(connectionPath("late", "pe"), decisionBody("Rejected"));
    old.push(await operationOf(rejected.headers["azure-asyncoperation"]));
    const deleted = await api.nrp.delete(connectionPath("late", "pe"));
    old.push(await operationOf(deleted.headers["azure-asyncoperation"]));
    await gone(connectionPath("late", "pe"));
    const account = await api.nrp.delete(accountPath("late"));
    old.push(await operationOf(account.headers["azure-asyncoperation"]));
    await gone(accountPath("late"));
    await createAccount(api.nrp, "late");
    await make();
    // A gate that has not acknowledged keeps the new deletion running, the dangerous moment.
    await api.gate().sweep();
    expectStatus(await api.nrp.delete(connectionPath("late", "pe")), 202);
    const before = await snapshot();

    for (const operation of old) {
      await database.db.transaction().execute(tx => finishers[operation.kind](tx, operation));
    }

    expect(old.map(operation => operation.kind)).toEqual(["connection-reject", "connection-delete", "account-delete"]);
    expect(await snapshot()).toEqual(before);
    expect((await api.nrp.put(proxyPath("late", "other"), proxyBody("other", "auto", [link]))).status).toBe(409);
  });
});
