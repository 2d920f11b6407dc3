import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ArmRoute } from "../../src/arm/app.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { ACCOUNT_BODY, accountPath, connectionPath, createAccount, proxyPath } from "../support/documents.ts";
import { fillIn, listRoutes } from "../support/routes.ts";

const METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

let api: TestApi;
let routes: readonly ArmRoute[];

beforeAll(async () => {
  api = await startTestApi();
  routes = await listRoutes();
  await createAccount(api.nrp, "methods");
});
afterAll(() => api.stop());

describe("a method that a path does not have", () => {
  it("is 405 with Allow on every path, for NRP and for anybody else", async () => {
    let refused = 0;
    for (const [path, known] of Map.groupBy(routes, route => route.path)) {
      const allowed = known.map(route => route.method);
      for (const method of METHODS.filter(other => !allowed.includes(other) && other !== "TRACE")) {
        for (const client of [api.nrp, api.customer]) {
          const apiVersion = known[0]?.apiVersion ?? "2024-03-31";
          const answer = await client.call(method, fillIn(path, "methods"), { apiVersion });
          expect(answer.status, `${method} ${path}`).toBe(405);
          expect(answer.headers.allow?.split(", ").sort()).toEqual(allowed.toSorted());
          if (method !== "HEAD") expect(answer.body.error.code).toBe("MethodNotAllowed");
        }
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(30);
  });

  it("comes after the api-version, as everything else", async () => {
    const answer = await api.nrp.post(accountPath("methods"), {}, { apiVersion: null });
    expect(answer.body.error.code).toBe("MissingApiVersionParameter");
  });

  it("changes nothing", async () => {
    await api.nrp.post(accountPath("methods"), ACCOUNT_BODY);
    await api.nrp.patch(proxyPath("methods", "pe"), {});
    const { body } = await api.nrp.get(accountPath("methods"));
    expect(body.properties.privateEndpointConnections).toEqual([]);
  });
});

describe("a path that is not quite one of ours", () => {
  it.each([
    `${accountPath("methods")}/`,
    `${connectionPath("methods", "pe")}/`,
    accountPath("methods").replace("/services", "//services"),
    `/${accountPath("methods")}`,
    `${accountPath("methods")}/unknownChildren`,
    accountPath("methods").replace("HealthcareApis", "Network"),
    "/",
  ])("%s is 404 NotFound for every method", async path => {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const answer = await api.nrp.call(method, path, { apiVersion: "2024-03-31" });
      expect([answer.status, answer.body?.error.code], `${method} ${answer.text}`).toEqual([404, "NotFound"]);
    }
  });

  it("finds a name that is percent-encoded without need, and shows it plainly", async () => {
    const answer = await api.nrp.get(accountPath("%6Dethods").replace("resourceGroups", "resource%47roups"));
    expect(answer).toMatchObject({ status: 200, body: { id: accountPath("methods") } });
  });
});
