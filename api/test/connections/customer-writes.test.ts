import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type NrpClient, NrpUnanswered, type ToldState } from "../../src/nrp/client.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Answer } from "../support/client.ts";
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
import type { TestGate } from "../support/gate.ts";
import { until } from "../support/until.ts";

/** NRP, as far as it is told. */
class Listener implements NrpClient {
  readonly heard: string[] = [];
  isAway = false;
  /** What it waits for before it answers. */
  held: Promise<void> = Promise.resolve();

  findProxy = async () => undefined;
  listProxies = async () => undefined;

  async tell(id: string, connectionId: string, { status, description }: ToldState): Promise<void> {
    await this.held;
    if (this.isAway) throw new NrpUnanswered("away");
    this.heard.push([id.split("/").at(-1), connectionId.split("/").at(-3), status, description].join(" | "));
  }
}

const NAME = "pe.5dc668b3-70e4-437f-b61c-a3c1e594be7a";

let api: TestApi;
let nrp: Listener;
let gate: TestGate;
let account: string;
let count = 0;

beforeAll(async () => {
  nrp = new Listener();
  api = await startTestApi({ nrpClient: nrp, settings: { customerWrites: true } });
  gate = api.gate();
});
afterAll(() => api.stop());

beforeEach(async () => {
  count += 1;
  account = `customers${count}`;
  nrp.heard.length = 0;
  nrp.isAway = false;
  await createAccount(api.nrp, account);
  await gate.catchUp();
});

const ask = async (kind: "manual" | "auto" = "manual"): Promise<number> => {
  const link = nextLinkId();
  expectStatus(await api.nrp.put(proxyPath(account, NAME), proxyBody(NAME, kind, [link])), 201);
  return link;
};
const decide = (status: string, by = api.customer, comment?: string): Promise<Answer> =>
  by.put(connectionPath(account, NAME), decisionBody(status, comment));
const news = (...said: string[]): string[] => said.map(text => `${NAME} | ${account} | ${text}`);
async function heard(...said: string[]): Promise<void> {
  await until(`NRP to hear ${said.join(", ")}`, async () => nrp.heard.length >= said.length);
  expect(nrp.heard).toEqual(news(...said));
}
async function readNotices(): Promise<{ attempts: number; status: string; revision: number }[]> {
  const client = new pg.Client({ connectionString: api.databaseUrl });
  await client.connect();
  const { rows } = await client.query("select attempts, status, revision from nrp_notices");
  await client.end();
  return rows;
}

describe("with customerWrites", () => {
  it("a customer approves, the gates admit, and NRP is told with the customer's comment", async () => {
    const link = await ask();
    expect(await decide("Approved", api.customer, "welcome")).toMatchObject({
      status: 200,
      body: { properties: { privateLinkServiceConnectionState: { status: "Approved", description: "welcome" } } },
    });
    await gate.catchUp();
    expect(gate.table.get(account)?.linkIds).toEqual([link]);
    await heard("Approved | welcome");
    await until("the notice to go", async () => (await readNotices()).length === 0);
  });

  it("a customer rejects and withdraws, and NRP is told of each", async () => {
    await ask();
    expectStatus(await decide("Approved", api.customer, "first"), 200);
    await heard("Approved | first");
    const answer = expectStatus(await decide("Rejected", api.customer, "not any more"), 200);
    expect(answer.body.properties.provisioningState).toBe("Updating");
    await heard("Approved | first", "Rejected | not any more");
  });

  it("a customer removes: the gates and NRP hear of it before name and link are free", async () => {
    const link = await ask("auto");
    await gate.catchUp();
    nrp.isAway = true;
    const answer = expectStatus(await api.customer.delete(connectionPath(account, NAME)), 202);
    await gate.catchUp();
    expect(gate.table.get(account)?.linkIds).toEqual([]);
    await until("an attempt to tell NRP", async () => (await readNotices()).some(notice => notice.attempts > 0));
    expect((await api.customer.get(answer.headers["azure-asyncoperation"] ?? "")).body.status).toBe("Running");
    const other = `other${count}`;
    await createAccount(api.nrp, other);
    const taken = await api.nrp.put(proxyPath(other, "pe"), proxyBody("pe", "auto", [link]));
    expect(taken.body.error.code).toBe("LinkIdInUse");

    nrp.isAway = false;
    await heard("Disconnected | The private endpoint connection was removed.");
    await until(
      "the connection to go",
      async () => (await api.customer.get(connectionPath(account, NAME))).status === 404,
    );
    expect((await api.customer.delete(connectionPath(account, NAME))).status).toBe(204);
    expectStatus(await api.nrp.put(proxyPath(other, "pe"), proxyBody("pe", "auto", [link])), 201);
    expect(nrp.heard).toHaveLength(1);
  });

  it("a call that changes nothing tells nothing, nor does one that is refused, nor NRP's own", async () => {
    await ask();
    expectStatus(await decide("Pending"), 200);
    expectStatus(await decide("Approved", api.nrp), 200);
    expectStatus(await decide("Approved"), 200);
    expectStatus(await decide("Disconnected"), 409);
    expectStatus(await decide("Rejected", api.nrp), 200);
    expectStatus(await decide("Approved"), 409);
    expectStatus(await decide("Rejected"), 200);
    expectStatus(await api.nrp.delete(connectionPath(account, NAME)), 202);
    expectStatus(await api.customer.delete(connectionPath(account, NAME)), 202);
    expect(await readNotices()).toEqual([]);
    expect(nrp.heard).toEqual([]);
  });

  it("NRP never hears of an older state after a newer one, nor of one that has passed meanwhile", async () => {
    await ask();
    const release = Promise.withResolvers<void>();
    nrp.held = release.promise;
    expectStatus(await decide("Approved", api.customer, "one"), 200);
    await until("the first to be on its way", async () => (await readNotices()).some(notice => notice.attempts === 1));
    expectStatus(await decide("Rejected", api.customer, "two"), 200);
    await gate.catchUp();
    expectStatus(await api.customer.delete(connectionPath(account, NAME)), 202);
    expect(await readNotices()).toEqual([{ attempts: 0, status: "Disconnected", revision: 2 }]);
    expect(nrp.heard).toEqual([]);
    nrp.held = Promise.resolve();
    release.resolve();
    await gate.catchUp();
    await heard("Approved | one", "Disconnected | The private endpoint connection was removed.");
    await until(
      "the connection to go",
      async () => (await api.customer.get(connectionPath(account, NAME))).status === 404,
    );
    expect(await readNotices()).toEqual([]);
  });

  it("the history has the customer, as ARM names them", async () => {
    await ask();
    const headers = {
      "x-ms-client-principal-name": "ann@contoso.example",
      "x-ms-client-object-id": "0b1f6471-1bf0-4dda-aec3-cb9272f09590",
      "x-ms-correlation-request-id": `audit-${count}`,
    };
    const call = api.customer.put(connectionPath(account, NAME), decisionBody("Approved", "mine"), { headers });
    expectStatus(await call, 200);
    const client = new pg.Client({ connectionString: api.databaseUrl });
    await client.connect();
    const { rows } = await client.query("select * from decisions where correlation_id = $1", [`audit-${count}`]);
    await client.end();
    expect(rows).toMatchObject([
      {
        account,
        action: "approve",
        from_state: "Pending",
        to_state: "Approved",
        comment: "mine",
        via: "arm",
        by_name: "ann@contoso.example",
        by_id: "0b1f6471-1bf0-4dda-aec3-cb9272f09590",
      },
    ]);
    await heard("Approved | mine");
  });

  it("what has still to be told survives the api", async () => {
    await ask();
    nrp.isAway = true;
    expectStatus(await decide("Approved", api.customer, "kept"), 200);
    await until("an attempt", async () => (await readNotices()).some(notice => notice.attempts > 0));
    await api.restart();
    nrp.isAway = false;
    await heard("Approved | kept");
  });

  it("nothing else is open to customers, and a caller ARM does not vouch for stays outside", async () => {
    await ask();
    for (const [method, path] of [
      ["PUT", proxyPath(account, NAME)],
      ["GET", proxyPath(account, NAME)],
      ["DELETE", proxyPath(account, NAME)],
      ["POST", `${proxyPath(account, NAME)}/validate`],
      ["POST", `${proxyPath(account, NAME)}/updatePrivateEndpointProperties`],
    ] as const) {
      const answer = await api.customer.call(method, path, { body: {} });
      expect(answer, `${method} ${path}`).toMatchObject({ status: 409, body: { error: { code: "Conflict" } } });
    }
    const unknown = await api.customer.put(connectionPath(account, "nobody"), decisionBody("Approved"));
    expect(unknown.status).toBe(404);
    expect((await api.customer.delete(connectionPath(account, "nobody"))).status).toBe(204);
  });
});

describe("without customerWrites", () => {
  it("PUT and DELETE of a connection by anyone but NRP stay 409 and change nothing", async () => {
    const plain = await startTestApi({ databaseUrl: api.databaseUrl });
    try {
      await ask();
      for (const client of [plain.customer, plain.anonymous]) {
        const put = await client.put(connectionPath(account, NAME), decisionBody("Approved"));
        const remove = await client.delete(connectionPath(account, NAME));
        for (const answer of [put, remove]) {
          expect(answer).toMatchObject({ status: 409, body: { error: { code: "Conflict" } } });
        }
      }
      const { body } = await plain.customer.get(accountPath(account));
      const [connection] = body.properties.privateEndpointConnections;
      expect(connection.properties.privateLinkServiceConnectionState.status).toBe("Pending");
      expectStatus(await plain.nrp.put(connectionPath(account, NAME), decisionBody("Approved")), 200);
      expect(await readNotices()).toEqual([]);
    } finally {
      await plain.stop();
    }
  });
});
