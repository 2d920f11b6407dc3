import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ArmRoute } from "../../src/arm/app.ts";
import { NRP, startTestApi, type TestApi } from "../support/api.ts";
import { accountPath, createAccount, expectStatus, proxyBody, proxyPath } from "../support/documents.ts";
import { fillIn, listRoutes } from "../support/routes.ts";

/** What design.md section 5 keeps for NRP, written down a second time: a route that loses its mark is seen here. */
const NRP_ONLY = [
  "DELETE privateEndpointConnectionProxies/:name",
  "DELETE privateEndpointConnections/:name",
  "GET privateEndpointConnectionProxies",
  "GET privateEndpointConnectionProxies/:name",
  "POST privateEndpointConnectionProxies/:name/updatePrivateEndpointProperties",
  "POST privateEndpointConnectionProxies/:name/validate",
  "PUT privateEndpointConnectionProxies/:name",
  "PUT privateEndpointConnections/:name",
];

const OPEN = [
  "DELETE account",
  "GET account",
  "GET account/list",
  "GET account/list",
  "GET operationresults",
  "GET operations",
  "GET privateEndpointConnections",
  "GET privateEndpointConnections/:name",
  "GET privateLinkResources",
  "GET privateLinkResources/:name",
  "PATCH account",
  "PUT account",
  "PUT subscription",
];

function shorten({ method, path }: ArmRoute): string {
  const [, child] = path.split(":account/");
  if (child !== undefined) return `${method} ${child}`;
  if (path.endsWith("/operations")) return `${method} operations`;
  if (path.endsWith(":subscriptionId")) return `${method} subscription`;
  if (path.includes("operationresults")) return `${method} operationresults`;
  return `${method} ${path.endsWith(":account") ? "account" : "account/list"}`;
}

let api: TestApi;
let routes: readonly ArmRoute[];

beforeAll(async () => {
  api = await startTestApi();
  routes = await listRoutes();
  await createAccount(api.nrp, "callers");
  expectStatus(await api.nrp.put(proxyPath("callers", "pe1"), proxyBody("pe1", "manual")), 201);
});
afterAll(() => api.stop());

describe("what only NRP may call", () => {
  it("is exactly the design's list", () => {
    expect(
      routes
        .filter(route => route.nrpOnly)
        .map(shorten)
        .sort(),
    ).toEqual(NRP_ONLY);
    expect(
      routes
        .filter(route => !route.nrpOnly)
        .map(shorten)
        .sort(),
    ).toEqual(OPEN);
  });

  it("answers 409 to every other caller, before it looks for the resource or at the body", async () => {
    const others: Record<string, string | string[]>[] = [
      {},
      { "x-ms-client-app-id": "" },
      { "x-ms-client-app-id": "04b07795-8ddb-461a-bbee-02f9e1bf7b46" },
      { "x-ms-client-app-id": `${NRP}x` },
      { "x-ms-client-app-id": [NRP, "04b07795-8ddb-461a-bbee-02f9e1bf7b46"] },
    ];
    for (const { method, path } of routes.filter(route => route.nrpOnly)) {
      for (const account of ["callers", "nobody"]) {
        for (const headers of others) {
          const answer = await api.anonymous.call(method, fillIn(path, account), { headers });
          expect(answer, `${method} ${path} ${JSON.stringify(headers)}`).toMatchObject({
            status: 409,
            body: { error: { code: "Conflict" } },
          });
        }
      }
    }
  });

  it("changes nothing for another caller", async () => {
    await api.customer.put(proxyPath("callers", "pe2"), proxyBody("pe2", "auto", [1]));
    await api.customer.delete(proxyPath("callers", "pe1"));
    const { body } = await api.customer.get(accountPath("callers"));
    expect(body.properties.privateEndpointConnections).toHaveLength(1);
    expect(body.properties.privateEndpointConnections[0].properties.privateLinkServiceConnectionState.status).toBe(
      "Pending",
    );
  });

  it("knows NRP whatever the case of its id", async () => {
    const headers = { "x-ms-client-app-id": ` ${NRP.toUpperCase()} ` };
    expect((await api.anonymous.get(proxyPath("callers", "pe1"), { headers })).status).toBe(200);
  });

  it("comes after the api-version", async () => {
    const answer = await api.customer.get(proxyPath("callers", "pe1"), { apiVersion: null });
    expect(answer.body.error.code).toBe("MissingApiVersionParameter");
  });

  it("leaves every other route to any caller ARM vouches for", async () => {
    for (const { method, path } of routes.filter(route => !route.nrpOnly && route.method === "GET")) {
      const answer = await api.anonymous.call(method, fillIn(path, "callers"));
      expect([200, 404], `${method} ${path}`).toContain(answer.status);
    }
  });
});
