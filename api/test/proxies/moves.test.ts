import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NrpDouble } from "../reconcile/kit.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Answer } from "../support/client.ts";
import {
  accountPath,
  connectionPath,
  createAccount,
  expectStatus,
  nextLinkId,
  proxyBody,
  proxyPath,
  SUBSCRIPTION,
} from "../support/documents.ts";
import type { TestGate } from "../support/gate.ts";
import { until } from "../support/until.ts";

const PE = "pe.5dc668b3-70e4-437f-b61c-a3c1e594be7a";
const FIRST = `/subscriptions/${SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/privateEndpoints/${PE}`;
const MOVED = FIRST.replace(SUBSCRIPTION, "11111111-2222-3333-4444-555555555555").replace("/net/", "/elsewhere/");
/** What NRP sends when an endpoint was moved (arm-contract 1.4): bare, the immutable members as they were. */
const MOVE = {
  id: MOVED,
  location: "westus2",
  immutableSubscriptionId: SUBSCRIPTION,
  immutableResourceId: FIRST,
  vnetTrafficTag: "12345678",
};

let api: TestApi;
let nrp: NrpDouble;
let gate: TestGate;
let account: string;
let link: number;
let count = 0;

beforeAll(async () => {
  nrp = new NrpDouble();
  api = await startTestApi({ nrpClient: nrp });
  gate = api.gate();
});
afterAll(() => api.stop());

beforeEach(async () => {
  count += 1;
  account = `moves${count}`;
  link = nextLinkId();
  await createAccount(api.nrp, account);
  expectStatus(await api.nrp.put(proxyPath(account, PE), proxyBody(PE, "auto", [link])), 201);
  await gate.catchUp();
});

const move = (body: unknown = MOVE, name = PE): Promise<Answer> =>
  api.nrp.post(`${proxyPath(account, name)}/updatePrivateEndpointProperties`, body);
const endpointOf = async (): Promise<{ id: string; status: string }> => {
  const { properties } = (await api.customer.get(connectionPath(account, PE))).body;
  return { id: properties.privateEndpoint.id, status: properties.privateLinkServiceConnectionState.status };
};

describe("an endpoint that was moved to another subscription (updatePrivateEndpointProperties)", () => {
  it("is the same endpoint: another id, the same approval, link and immutable id", async () => {
    const before = await api.nrp.get(proxyPath(account, PE));
    const answer = await move();
    expect(answer).toMatchObject({ status: 200, text: "" });
    expect(await endpointOf()).toEqual({ id: MOVED, status: "Approved" });
    const { body, headers } = await api.nrp.get(proxyPath(account, PE));
    expect(body.remotePrivateEndpoint).toMatchObject({
      ...MOVE,
      connectionDetails: before.body.remotePrivateEndpoint.connectionDetails,
      privateLinkServiceProxies: [{ id: `${MOVED}/privateLinkServiceProxies/${PE}` }],
    });
    expect(headers.etag).not.toBe(before.headers.etag);
    await gate.catchUp();
    expect(gate.table.get(account)?.linkIds).toEqual([link]);
  });

  it("told twice is told once", async () => {
    await move();
    const { headers } = await api.nrp.get(proxyPath(account, PE));
    expect((await move()).status).toBe(200);
    expect((await api.nrp.get(proxyPath(account, PE))).headers.etag).toBe(headers.etag);
  });

  it("is known by its immutable id when NRP PUTs it again with the new id, also before it says that it moved", async () => {
    for (const first of [move, undefined]) {
      await first?.();
      const again = JSON.parse(JSON.stringify(proxyBody(PE, "auto", [link])));
      again.remotePrivateEndpoint.id = MOVED;
      expectStatus(await api.nrp.put(proxyPath(account, PE), again), 200);
      expect(await endpointOf()).toEqual({ id: MOVED, status: "Approved" });
    }
    const back = proxyBody(PE, "auto", [link]);
    expectStatus(await api.nrp.put(proxyPath(account, PE), back), 200);
    expect(await endpointOf()).toEqual({ id: FIRST, status: "Approved" });
  });

  it("is never taken for another one, whatever id that one has now", async () => {
    for (const body of [
      { ...MOVE, immutableResourceId: `${FIRST}-other` },
      { ...MOVE, id: FIRST, immutableResourceId: `${FIRST}-other` },
      { id: MOVED },
    ]) {
      expect(await move(body)).toMatchObject({ status: 409, body: { error: { code: "Conflict" } } });
    }
    expect(await endpointOf()).toEqual({ id: FIRST, status: "Approved" });
  });

  it("is known by its first id when NRP never sent an immutable one", async () => {
    const plain = JSON.parse(JSON.stringify(proxyBody("plain", "auto", [nextLinkId()])));
    const { id } = plain.remotePrivateEndpoint;
    delete plain.remotePrivateEndpoint.immutableResourceId;
    expectStatus(await api.nrp.put(proxyPath(account, "plain"), plain), 201);
    expect((await move({ ...MOVE, immutableResourceId: `${id}-other` }, "plain")).status).toBe(409);
    expectStatus(await move({ ...MOVE, immutableResourceId: id.toUpperCase() }, "plain"), 200);
    const { body } = await api.customer.get(connectionPath(account, "plain"));
    expect(body.properties.privateEndpoint.id).toBe(MOVED);
  });

  it("is told of its account's deletion at its new place", async () => {
    await move();
    const told: string[] = [];
    nrp.tell = async id => void told.push(id);
    expectStatus(await api.customer.delete(accountPath(account)), 202);
    await until("NRP to be told", async () => told.length > 0);
    expect(told).toEqual([`${MOVED}/privateLinkServiceProxies/${PE}`]);
    await gate.catchUp();
    await until("the account to go", async () => (await api.customer.get(accountPath(account))).status === 404);
  });

  it("moves also while something is being revoked, which goes on", async () => {
    const deleted = expectStatus(await api.nrp.delete(connectionPath(account, PE)), 202);
    expectStatus(await move(), 200);
    await gate.catchUp();
    await until("the connection to go", async () => {
      return (await api.customer.get(deleted.headers.location ?? "")).status === 204;
    });
    expect((await api.customer.get(connectionPath(account, PE))).status).toBe(404);
  });

  it("needs a proxy and an id", async () => {
    expect((await move(MOVE, "nobody")).status).toBe(404);
    for (const body of [{}, { id: "" }, { id: 7 }, { id: "no-id" }, "["]) expect((await move(body)).status).toBe(400);
  });
});
