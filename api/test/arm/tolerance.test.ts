import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApi, type TestApi } from "../support/api.ts";
import {
  ACCOUNT_BODY,
  accountPath,
  connectionPath,
  createAccount,
  expectStatus,
  nextLinkId,
  proxyBody,
  proxyPath,
} from "../support/documents.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
  await createAccount(api.nrp, "tolerant");
});
afterAll(() => api.stop());

const UNKNOWN = { unheardOf: { deep: [1, { x: null }] }, $schema: "x" };

describe("members that nobody here knows (ARM RPC: new ones come without a new api-version)", () => {
  it("of an account are let pass; its own settings under properties are kept and given back", async () => {
    const body = {
      ...ACCOUNT_BODY,
      ...UNKNOWN,
      identity: { type: "None" },
      properties: { futureConfiguration: { a: [1] } },
    };
    expectStatus(await api.customer.put(accountPath("future"), body), 201);
    const { body: shown } = await api.customer.get(accountPath("future"));
    expect(shown.properties.futureConfiguration).toEqual({ a: [1] });
    expect(shown).not.toHaveProperty("unheardOf");
    expectStatus(await api.customer.patch(accountPath("future"), { ...UNKNOWN, tags: { a: "1" } }), 200);
  });

  it("of a proxy are kept for NRP, those of a connection are let pass", async () => {
    const body = JSON.parse(JSON.stringify(proxyBody("pe", "manual", [nextLinkId()])));
    Object.assign(body, UNKNOWN);
    Object.assign(body.remotePrivateEndpoint, { future: "kept" });
    expectStatus(await api.nrp.put(proxyPath("tolerant", "pe"), body), 201);
    expect((await api.nrp.get(proxyPath("tolerant", "pe"))).body.remotePrivateEndpoint.future).toBe("kept");
    const state = { status: "Approved", description: "ok", ...UNKNOWN };
    const decision = { ...UNKNOWN, properties: { ...UNKNOWN, privateLinkServiceConnectionState: state } };
    expectStatus(await api.nrp.put(connectionPath("tolerant", "pe"), decision), 200);
    expectStatus(await api.nrp.post(`${proxyPath("tolerant", "pe")}/validate`, body), 200);
  });

  it("of the query are passed over", async () => {
    expect((await api.customer.get(`${accountPath("tolerant")}?$expand=all&x=1&$top=5`)).status).toBe(200);
  });
});

describe("provisioningState sent by a client (ARM RPC: ignored when it is ours, 400 when it is not)", () => {
  it.each(["account", "patch", "connection", "proxy"])("%s", async what => {
    const name = `sent-${what}`;
    await createAccount(api.nrp, name);
    const proxy = JSON.parse(JSON.stringify(proxyBody("pe", "manual", [nextLinkId()])));
    expectStatus(await api.nrp.put(proxyPath(name, "pe"), proxy), 201);
    const send = (provisioningState: string) => {
      switch (what) {
        case "account":
          return api.nrp.put(accountPath(name), { ...ACCOUNT_BODY, properties: { provisioningState } });
        case "patch":
          return api.nrp.patch(accountPath(name), { properties: { provisioningState } });
        case "connection": {
          const privateLinkServiceConnectionState = { status: "Pending" };
          return api.nrp.put(connectionPath(name, "pe"), {
            properties: { privateLinkServiceConnectionState, provisioningState },
          });
        }
        default:
          return api.nrp.put(proxyPath(name, "pe"), { ...proxy, properties: { provisioningState } });
      }
    };
    expect((await send("Succeeded")).status).toBe(200);
    for (const other of ["Creating", "Failed", "succeeded", "", "Nonsense"]) {
      const answer = await send(other);
      expect(answer, `${other}: ${answer.text}`).toMatchObject({
        status: 400,
        body: { error: { code: "InvalidRequestContent" } },
      });
    }
  });
});

describe("bodies", () => {
  it("of a GET or a DELETE are not looked at", async () => {
    await createAccount(api.nrp, "bodies");
    const headers = { "content-type": "text/plain" };
    expect((await api.customer.call("GET", accountPath("bodies"), { body: "{", headers })).status).toBe(200);
    expect((await api.customer.call("DELETE", accountPath("bodies"), { body: "{", headers })).status).toBe(202);
  });

  it.each(["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/jsonp", "json"])(
    "of type %s are 415 on every call that takes one",
    async type => {
      for (const [method, path] of [
        ["PUT", accountPath("tolerant")],
        ["PATCH", accountPath("tolerant")],
        ["PUT", connectionPath("tolerant", "pe")],
        ["PUT", proxyPath("tolerant", "pe")],
        ["POST", `${proxyPath("tolerant", "pe")}/validate`],
        ["POST", `${proxyPath("tolerant", "pe")}/updatePrivateEndpointProperties`],
        ["PUT", "/subscriptions/tolerant"],
      ] as const) {
        const answer = await api.nrp.call(method, path, {
          body: "{}",
          headers: { "content-type": type },
          ...(path === "/subscriptions/tolerant" ? { apiVersion: "2.0" } : {}),
        });
        expect(answer, `${method} ${path}`).toMatchObject({
          status: 415,
          body: { error: { code: "UnsupportedMediaType" } },
        });
      }
    },
  );

  it("that are too long are 413 whether their length is announced or not", async () => {
    const body = JSON.stringify({ ...ACCOUNT_BODY, tags: { a: "x".repeat(64 * 1024) } });
    expect((await api.nrp.put(accountPath("tolerant"), body)).status).toBe(413);
    const chunked = await api.nrp.call("PUT", accountPath("tolerant"), { body: Buffer.from(body) });
    expect(chunked.body.error.code).toBe("RequestContentTooLarge");
  });
});
