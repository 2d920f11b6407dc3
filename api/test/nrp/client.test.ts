import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createNrpClient, type NrpClient, NrpUnanswered, proxyIdOf } from "../../src/nrp/client.ts";

const endpoint = "/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/pe1";
const id = `${endpoint}/privateLinkServiceProxies/pe1.g`;
const never = new AbortController().signal;
const gone = { status: "Disconnected", description: "It was deleted." } as const;
const account = "/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.HealthcareApis/services/alpha";

interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

let server: Server;
let base: string;
let received: { method: string; url: string; authorization: string; body: string }[];
let reply: (url: string) => Reply;
let scopes: (string | string[])[];
let nrp: NrpClient;

beforeEach(async () => {
  received = [];
  scopes = [];
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method = "", url = "", headers } = request;
    received.push({ method, url, authorization: headers.authorization ?? "", body });
    const answer = reply(url);
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? {}));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  nrp = createNrpClient({
    armUrl: `${base}/`,
    credential: {
      async getToken(scope) {
        scopes.push(scope);
        return { token: "secret", expiresOnTimestamp: Date.now() + 60_000 };
      },
    },
  });
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

const document = (links: unknown[], status = "Approved") => ({
  id,
  name: "pe1.g",
  properties: {
    privateLinkServiceId: account,
    remotePrivateLinkServiceConnectionState: { status },
    connectionDetails: links.map(linkIdentifier => ({ linkIdentifier })),
  },
});
const error = (code: string) => ({ error: { code, message: "so it is" } });

test("asks ARM for a proxy, as itself, and reads it", async () => {
  reply = () => ({ status: 200, body: document(["9", "7", "9"]) });
  expect(await nrp.findProxy(id)).toEqual({
    id,
    name: "pe1.g",
    accountId: account,
    status: "Approved",
    linkIds: [7, 9],
  });
  expect(received).toMatchObject([{ method: "GET", authorization: "Bearer secret" }]);
  expect(received[0]?.url).toBe(`${id}?api-version=2024-05-01`);
  expect(scopes).toEqual([`${base}/.default`]);
});

test.each(["ResourceNotFound", "ParentResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound", "NotFound"])(
  "404 %s of ARM means that it is gone",
  async code => {
    reply = () => ({ status: 404, body: error(code) });
    expect(await nrp.findProxy(id)).toBeUndefined();
    expect(await nrp.listProxies(account)).toBeUndefined();
    await nrp.tell(id, `${account}/privateEndpointConnections/pe1.g`, gone, never);
  },
);

describe("nothing is concluded from", () => {
  test.each<[string, Reply]>([
    ["a 404 that is not ARM's", { status: 404, body: "<html>" }],
    ["a 404 with another code", { status: 404, body: error("InvalidResourceType") }],
    ["401", { status: 401, body: error("InvalidAuthenticationToken") }],
    ["403", { status: 403, body: error("AuthorizationFailed") }],
    ["429", { status: 429, body: error("TooManyRequests") }],
    ["500", { status: 500 }],
    ["503 without a body", { status: 503, body: "" }],
    ["a redirect", { status: 307, headers: { location: "http://127.0.0.1:1/" } }],
    ["204", { status: 204, body: "" }],
    ["no JSON", { status: 200, body: "hello" }],
    ["null", { status: 200, body: null }],
    ["another document", { status: 200, body: { id, name: "pe1.g", properties: {} } }],
    [
      "no details",
      { status: 200, body: { ...document([]), properties: { ...document([]).properties, connectionDetails: null } } },
    ],
    ["link id 0", { status: 200, body: document(["0"]) }],
    ["a link id with a leading zero", { status: 200, body: document(["07"]) }],
    ["a link id of 33 bits", { status: 200, body: document(["4294967296"]) }],
    ["a link id that is a number", { status: 200, body: document([7]) }],
  ])("%s", async (_, answer) => {
    reply = () => answer;
    await expect(nrp.findProxy(id)).rejects.toBeInstanceOf(NrpUnanswered);
    await expect(nrp.listProxies(account)).rejects.toBeInstanceOf(NrpUnanswered);
  });

  test("nobody listening, and no token", async () => {
    const nobody = { getToken: async () => null };
    await expect(createNrpClient({ armUrl: base, credential: nobody }).findProxy(id)).rejects.toThrow("no token");
    const credential = { getToken: async () => ({ token: "t", expiresOnTimestamp: 0 }) };
    const gone = createNrpClient({ armUrl: "http://127.0.0.1:1", credential });
    await expect(gone.findProxy(id)).rejects.toBeInstanceOf(NrpUnanswered);
    expect(received).toEqual([]);
  });
});

test("reads a list to its last page, and follows it nowhere else", async () => {
  const page = `${base}/next?page=2`;
  reply = url =>
    url.startsWith("/next")
      ? { status: 200, body: { value: [document(["8"])] } }
      : { status: 200, body: { value: [document(["7"])], nextLink: page } };
  expect((await nrp.listProxies(account))?.map(proxy => proxy.linkIds)).toEqual([[7], [8]]);
  expect(received[0]?.url).toBe(
    `${account}/providers/Microsoft.Network/privateLinkServiceProxies?api-version=2024-05-01`,
  );
  reply = () => ({ status: 200, body: { value: [], nextLink: "https://elsewhere.example/next" } });
  await expect(nrp.listProxies(account)).rejects.toThrow("somewhere else");
  expect(received).toHaveLength(3);
});

test("gives up telling when it is told to", async () => {
  const stop = new AbortController();
  reply = () => {
    stop.abort();
    return { status: 200 };
  };
  await expect(nrp.tell(id, account, gone, stop.signal)).rejects.toBeInstanceOf(NrpUnanswered);
});

test("tells what has become of a connection; a refusal is no answer", async () => {
  const connection = `${account}/privateEndpointConnections/pe1.g`;
  reply = () => ({ status: 200 });
  await nrp.tell(id, connection, gone, never);
  expect(received).toMatchObject([{ method: "PUT", url: expect.stringContaining(id) }]);
  expect(JSON.parse(received[0]?.body ?? "")).toMatchObject({
    properties: {
      remotePrivateEndpointConnection: { id: connection },
      remotePrivateLinkServiceConnectionState: { ...gone, actionsRequired: "None" },
    },
  });
  for (const status of [400, 403, 409, 500]) {
    reply = () => ({ status, body: error("No") });
    await expect(nrp.tell(id, connection, gone, never)).rejects.toThrow(`HTTP status ${status}, No: so it is`);
  }
});

test.each([
  ["the one NRP sent", { id: endpoint, privateLinkServiceProxies: [{ id }] }, id],
  ["composed from the endpoint", { id: endpoint }, id],
  ["composed where NRP sent none that can be one", { id: endpoint, privateLinkServiceProxies: [{ id: "/x" }] }, id],
  ["none from a path that climbs", { id: `${endpoint}/../..` }, undefined],
  ["none from a path with a query", { id: `${endpoint}?x=` }, undefined],
  [
    "none from another resource",
    { id: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/x/y" },
    undefined,
  ],
  ["none from nothing", {}, undefined],
])("the id of a proxy: %s", (_, remote, expected) => {
  expect(proxyIdOf(remote, "pe1.g")).toBe(expected);
});
