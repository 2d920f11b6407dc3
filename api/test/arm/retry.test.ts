import { randomUUID } from "node:crypto";
import { connect } from "node:tls";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NRP, startTestApi, type TestApi } from "../support/api.ts";
import type { Answer } from "../support/client.ts";
import {
  ACCOUNT_BODY,
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
let database: pg.Client;
let count = 0;

beforeAll(async () => {
  api = await startTestApi();
  database = new pg.Client({ connectionString: api.databaseUrl });
  await database.connect();
  // A gate that acknowledges nothing more keeps what is revoked running, so that a retry finds it so.
  await api.gate().sweep();
});
afterAll(async () => {
  await database.end();
  await api.stop();
});

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly apiVersion?: string;
}

/** A call, and what has to be there before it. */
type Scene = (account: string) => Promise<Call>;

const withProxy =
  (kind: "manual" | "auto", call: (account: string, body: object) => Call): Scene =>
  async account => {
    await createAccount(api.nrp, account);
    const body = proxyBody("pe", kind, [nextLinkId()]);
    expectStatus(await api.nrp.put(proxyPath(account, "pe"), body), 201);
    return call(account, body);
  };
const withAccount =
  (call: (account: string) => Call): Scene =>
  async account => {
    await createAccount(api.nrp, account);
    return call(account);
  };

const SCENES: Record<string, Scene> = {
  "PUT of a new account": async account => ({ method: "PUT", path: accountPath(account), body: ACCOUNT_BODY }),
  "PUT of an account": withAccount(account => ({
    method: "PUT",
    path: accountPath(account),
    body: { ...ACCOUNT_BODY, tags: { a: "1" }, properties: { publicNetworkAccess: "Disabled" } },
  })),
  "PATCH of an account": withAccount(account => ({
    method: "PATCH",
    path: accountPath(account),
    body: { tags: { b: "2" }, properties: { publicNetworkAccess: "Disabled" } },
  })),
  "DELETE of an account": withProxy("auto", account => ({ method: "DELETE", path: accountPath(account) })),
  "PUT of a new manual proxy": withAccount(account => ({
    method: "PUT",
    path: proxyPath(account, "pe"),
    body: proxyBody("pe", "manual", [nextLinkId()]),
  })),
  "PUT of a new automatic proxy": withAccount(account => ({
    method: "PUT",
    path: proxyPath(account, "pe"),
    body: proxyBody("pe", "auto", [nextLinkId()]),
  })),
  "PUT of other links": withProxy("auto", account => ({
    method: "PUT",
    path: proxyPath(account, "pe"),
    body: proxyBody("pe", "auto", [nextLinkId()]),
  })),
  validate: withProxy("manual", (account, body) => ({
    method: "POST",
    path: `${proxyPath(account, "pe")}/validate`,
    body,
  })),
  updatePrivateEndpointProperties: withProxy("auto", (account, body) => {
    const { id, immutableResourceId } = (body as { remotePrivateEndpoint: Record<string, string> })
      .remotePrivateEndpoint;
    return {
      method: "POST",
      path: `${proxyPath(account, "pe")}/updatePrivateEndpointProperties`,
      body: { id: id?.replace("/net/", "/moved/"), immutableResourceId },
    };
  }),
  "DELETE of a proxy": withProxy("auto", account => ({ method: "DELETE", path: proxyPath(account, "pe") })),
  "an approval": withProxy("manual", account => ({
    method: "PUT",
    path: connectionPath(account, "pe"),
    body: decisionBody("Approved"),
  })),
  "a rejection": withProxy("auto", account => ({
    method: "PUT",
    path: connectionPath(account, "pe"),
    body: decisionBody("Rejected"),
  })),
  "DELETE of a connection": withProxy("auto", account => ({ method: "DELETE", path: connectionPath(account, "pe") })),
  "a subscription's state": async account => ({
    method: "PUT",
    path: `/subscriptions/${account}`,
    body: { state: "Suspended" },
    apiVersion: "2.0",
  }),
};

/** Sends a call and reads no answer; returns when the api has answered into the void. */
async function sendAndLeave({ method, path, body, apiVersion = "2024-03-31" }: Call): Promise<void> {
  const { hostname, port } = new URL(api.urls.armUrl);
  const correlationId = randomUUID();
  const text = body === undefined ? "" : JSON.stringify(body);
  const socket = connect({ host: hostname, port: Number(port), ca: api.serverCertificate, ...api.armCertificate });
  socket.on("error", () => {});
  const head = [
    `${method} ${path}?api-version=${apiVersion} HTTP/1.1`,
    "host: localhost",
    `x-ms-client-app-id: ${NRP}`,
    `x-ms-correlation-request-id: ${correlationId}`,
    ...(text === "" ? [] : ["content-type: application/json"]),
    `content-length: ${Buffer.byteLength(text)}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${text}`);
  await until("the call to have been made", async () => {
    return api.logged.some(line => line.includes(correlationId) && line.includes("answered ARM"));
  });
  socket.destroy();
}

/** Everything that the api keeps of an account and its connections. */
async function remembered(account: string): Promise<unknown> {
  const rows: unknown[] = [];
  for (const table of ["accounts", "connections", "feed", "operations", "decisions", "link_claims"]) {
    rows.push((await database.query(`select * from ${table} where account = $1`, [account])).rows);
  }
  rows.push((await database.query("select * from subscriptions where subscription_id = $1", [account])).rows);
  return rows;
}

const essence = ({ status, headers, body }: Answer) => ({
  status,
  body,
  etag: headers.etag,
  operation: headers["azure-asyncoperation"],
});

describe("a call whose answer was lost, sent again", () => {
  it.each(Object.entries(SCENES))("%s: is answered like a success and changes nothing more", async (_what, scene) => {
    count += 1;
    const account = `retry${count}`;
    const call = await scene(account);
    await sendAndLeave(call);
    const before = await remembered(account);

    const { method, path, body, apiVersion } = call;
    const again = () => api.nrp.call(method, path, { body, ...(apiVersion === undefined ? {} : { apiVersion }) });
    const first = await again();
    const second = await again();

    expect(first.status, first.text).toBeLessThan(300);
    expect(essence(second)).toEqual(essence(first));
    expect(await remembered(account)).toEqual(before);
  });
});
