import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { nrpAppId } from "../src/authority/applications.ts";
import { group, services, startTestAzure, subscriptionId, type TestAzure, until } from "./support/azure.ts";

let azure: TestAzure;
const v = "api-version=2024-03-31";

beforeAll(async () => {
  azure = await startTestAzure();
});
afterAll(() => azure?.stop());
beforeEach(() => {
  azure.received.length = 0;
  azure.answer(() => undefined);
});

describe("who may come in", () => {
  it("answers az's first question without a token", async () => {
    const { status, body } = await azure.call("", "GET", "/metadata/endpoints?api-version=2022-09-01");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      resourceManager: azure.arm.url,
      authentication: { loginEndpoint: azure.authority.url, audiences: [azure.arm.url] },
    });
  });

  it.each([
    ["no token", {}, "AuthenticationFailed"],
    ["no JWT", { authorization: "Bearer nonsense" }, "InvalidAuthenticationToken"],
  ])("refuses %s with 401", async (_what, headers, code) => {
    const answer = await azure.call("", "GET", `/subscriptions?${v}`, undefined, headers);
    expect(answer).toMatchObject({ status: 401, body: { error: { code } } });
    expect(answer.headers["www-authenticate"]).toContain(azure.authority.url);
  });

  it("refuses a token for somebody else", async () => {
    const { createTokenSource } = await import("../src/token-source.ts");
    const application = azure.applications.find(one => one.name === "contributor");
    if (!application) throw new Error("no contributor");
    const source = createTokenSource({
      authority: azure.authority,
      ca: azure.certificates.ca,
      application,
      resource: "api://linkgate-admin",
    });
    const headers = { authorization: `Bearer ${await source.get()}` };
    await source.close();
    expect(await azure.call("", "GET", `/subscriptions?${v}`, undefined, headers)).toMatchObject({ status: 401 });
  });

  it("wants an api-version, and one that looks like it", async () => {
    expect(await azure.call("reader", "GET", "/subscriptions")).toMatchObject({
      status: 400,
      body: { error: { code: "MissingApiVersionParameter" } },
    });
    expect(await azure.call("reader", "GET", "/subscriptions?api-version=soon")).toMatchObject({
      status: 400,
      body: { error: { code: "InvalidApiVersionParameter" } },
    });
  });

  it("checks the role before the provider hears of it", async () => {
    const body = { location: "westus2", kind: "fhir" };
    const answer = await azure.call("reader", "PUT", `${services}/alpha?${v}`, body);
    expect(answer).toMatchObject({ status: 403, body: { error: { code: "AuthorizationFailed" } } });
    expect(answer.body.error.message).toContain("Microsoft.HealthcareApis/services/write");
    expect(await azure.call("platform-engineer", "GET", `${services}/alpha?${v}`)).toMatchObject({ status: 403 });
    expect(azure.received).toEqual([]);
  });

  it.each([
    `${services}//alpha`,
    `/${services}/alpha`,
    `${services}/alpha/../beta`,
    `${services}/alpha%2f..%2fbeta`,
    `${services}/%2e%2e/beta`,
    `${services}/%zz`,
  ])("refuses the path %s, which two readers could read in two ways", async path => {
    const answer = await azure.call("contributor", "GET", `${path}?${v}`);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: "InvalidRequestUri" } } });
    expect(azure.received).toEqual([]);
  });

  it("knows its subscription and groups only", async () => {
    const other = services.replace(subscriptionId, "11111111-2222-4333-8444-555555555555");
    expect(await azure.call("contributor", "GET", `${other}/alpha?${v}`)).toMatchObject({
      status: 404,
      body: { error: { code: "SubscriptionNotFound" } },
    });
    expect(await azure.call("contributor", "GET", `${services.replace("linkgate", "nope")}/alpha?${v}`)).toMatchObject({
      status: 404,
      body: { error: { code: "ResourceGroupNotFound" } },
    });
  });
});

describe("what clients ask first", () => {
  it("lists the caller's subscriptions, and none for who has no role", async () => {
    const mine = await azure.call("reader", "GET", `/subscriptions?${v}`);
    expect(mine.body.value).toMatchObject([{ subscriptionId, state: "Enabled" }]);
    const none = await azure.call("platform-engineer", "GET", `/subscriptions?${v}`);
    expect(none.body.value).toEqual([]);
  });

  it("describes its providers", async () => {
    const { body } = await azure.call(
      "reader",
      "GET",
      `/subscriptions/${subscriptionId}/providers/microsoft.healthcareapis?${v}`,
    );
    expect(
      body.resourceTypes.find((one: { resourceType: string }) => one.resourceType === "services").apiVersions,
    ).toEqual(expect.arrayContaining(["2020-03-30", "2021-11-01", "2022-12-01", "2023-11-01", "2024-03-31"]));
  });

  it("creates, shows and lists resource groups", async () => {
    const path = `/subscriptions/${subscriptionId}/resourcegroups/Second`;
    const body = { location: "westus2", tags: { a: "b" } };
    expect(await azure.call("contributor", "PUT", `${path}?${v}`, body)).toMatchObject({ status: 201 });
    expect(await azure.call("contributor", "PUT", `${path.toLowerCase()}?${v}`, body)).toMatchObject({
      status: 200,
      body: { name: "Second" },
    });
    expect(await azure.call("contributor", "PUT", `${path}?${v}`, { location: "northeurope" })).toMatchObject({
      status: 409,
    });
    expect(await azure.call("reader", "GET", `${path}?${v}`)).toMatchObject({ body: { tags: { a: "b" } } });
    const list = await azure.call("reader", "GET", `/subscriptions/${subscriptionId}/resourceGroups?${v}`);
    expect(list.body.value.map((one: { name: string }) => one.name)).toEqual(["linkgate", "Second"]);
    expect(await azure.call("reader", "PUT", `${path}?${v}`, body)).toMatchObject({ status: 403 });
  });
});

describe("the hop to the provider", () => {
  it("passes on path, query and body, and sets every header that only ARM can set", async () => {
    azure.answer(() => ({ status: 200, body: { properties: { provisioningState: "Succeeded" } } }));
    const target = `${services.replace("resourceGroups", "RESOURCEGROUPS")}/Hop1?${v}&x=%20y`;
    await azure.call(
      "contributor",
      "PUT",
      target,
      { kind: "fhir" },
      {
        "x-ms-client-app-id": nrpAppId,
        "x-ms-client-principal-name": "forged",
        "x-ms-arm-resource-system-data": "{}",
        "x-forwarded-for": "10.0.0.1",
        referer: "https://forged.example/",
        "x-ms-correlation-request-id": "7d4a5a7e-57ac-4d3f-8bd7-0cf8a2a4b1f0",
        "x-ms-client-request-id": "from-the-client",
      },
    );
    expect(azure.received).toHaveLength(1);
    const [{ target: seen, headers, body } = { target: "", headers: {} as never, body: "" }] = azure.received;
    expect(seen).toBe(target);
    expect(JSON.parse(body)).toEqual({ kind: "fhir" });
    const contributor = azure.applications.find(one => one.name === "contributor");
    expect(headers).toMatchObject({
      referer: `${azure.arm.url}${target}`,
      "x-ms-client-app-id": contributor?.clientId,
      "x-ms-client-object-id": contributor?.objectId,
      "x-ms-correlation-request-id": "7d4a5a7e-57ac-4d3f-8bd7-0cf8a2a4b1f0",
      "x-ms-client-request-id": "from-the-client",
    });
    for (const dropped of ["x-ms-client-principal-name", "x-forwarded-for", "authorization"]) {
      expect(headers).not.toHaveProperty(dropped);
    }
    expect(JSON.parse(String(headers["x-ms-arm-resource-system-data"]))).toMatchObject({
      createdBy: contributor?.clientId,
      lastModifiedBy: contributor?.clientId,
      createdByType: "Application",
    });
  });

  it("makes a correlation id where there is none, and tells the client", async () => {
    const answer = await azure.call("reader", "GET", `${services}/alpha?${v}`);
    const [request] = azure.received;
    expect(request?.headers["x-ms-correlation-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers["x-ms-correlation-request-id"]).toBe(request?.headers["x-ms-correlation-request-id"]);
  });

  it("gives the provider's answer back, refusals and headers included", async () => {
    azure.answer(() => ({
      status: 409,
      headers: { "retry-after": "7", etag: '"e"', "x-internal": "secret" },
      body: { error: { code: "Conflict", message: "no" } },
    }));
    const answer = await azure.call(
      "contributor",
      "POST",
      `${services}/alpha/privateEndpointConnectionProxies/p/validate?${v}`,
      {},
    );
    expect(answer).toMatchObject({ status: 409, body: { error: { code: "Conflict" } } });
    expect(answer.headers).toMatchObject({ "retry-after": "7", etag: '"e"' });
    expect(answer.headers).not.toHaveProperty("x-internal");
  });

  it("remembers who created an account, and says only who acts on a POST", async () => {
    azure.answer(() => ({ status: 200, body: {} }));
    await azure.call("contributor", "PUT", `${services}/hop2?${v}`, {});
    await azure.call("contributor", "PATCH", `${services}/HOP2?${v}`, {});
    await azure.call("contributor", "POST", `${services}/hop2/privateEndpointConnectionProxies/p/validate?${v}`, {});
    const [put, patch, post] = azure.received.map(one =>
      JSON.parse(String(one.headers["x-ms-arm-resource-system-data"])),
    );
    expect(patch.createdAt).toBe(put.createdAt);
    expect(patch.createdBy).toBe(put.createdBy);
    expect(Object.keys(post).sort()).toEqual(["lastModifiedAt", "lastModifiedBy", "lastModifiedByType"]);
  });

  it("hands a customer's write of a connection to NRP", async () => {
    azure.answer(() => ({ status: 200, body: { properties: { provisioningState: "Succeeded" } } }));
    const target = `${services}/alpha/privateEndpointConnections/pe.guid?${v}`;
    const correlation = { "x-ms-correlation-request-id": "8d4a5a7e-57ac-4d3f-8bd7-0cf8a2a4b1f0" };
    expect(await azure.call("contributor", "PUT", target, { properties: {} }, correlation)).toMatchObject({
      status: 200,
    });
    expect(await azure.call("contributor", "DELETE", target)).toMatchObject({ status: 200 });
    expect(azure.received.map(one => [one.method, one.target, one.headers["x-ms-client-app-id"]])).toEqual([
      ["PUT", target, nrpAppId],
      ["DELETE", target, nrpAppId],
    ]);
    expect(azure.received[0]?.headers).toMatchObject(correlation);
    expect(azure.received[0]?.body).toBe('{"properties":{}}');
    expect(await azure.call("network-contributor", "PUT", target, {})).toMatchObject({ status: 403 });
    expect(azure.received).toHaveLength(2);
  });

  it("runs an account's FHIR service from its creation until it is gone, not until its deletion begins", async () => {
    let state: "there" | "deleting" | "gone" = "there";
    azure.answer(({ method }) => {
      if (method === "DELETE") return { status: 202, headers: { location: `${azure.arm.url}/x` } };
      if (state === "gone") return undefined;
      return { status: 200, body: { properties: { provisioningState: state === "there" ? "Succeeded" : "Deleting" } } };
    });
    const { existsSync } = await import("node:fs");
    const socket = `${azure.fhir.folder}/hop3.sock`;
    await azure.call("contributor", "PUT", `${services}/Hop3?${v}`, {});
    expect(existsSync(socket)).toBe(true);
    state = "deleting";
    await azure.call("contributor", "DELETE", `${services}/hop3?${v}`);
    await until("two polls", () => (azure.received.filter(one => one.method === "GET").length > 1 ? true : undefined));
    expect(existsSync(socket)).toBe(true);
    state = "gone";
    await until("no service", () => (existsSync(socket) ? undefined : true));
  });

  it("says in ARM's shape that the provider is down", async () => {
    const lost = await startTestAzure();
    try {
      lost.loseProvider();
      expect(await lost.call("contributor", "GET", `${services}/alpha?${v}`)).toMatchObject({
        status: 503,
        body: { error: { code: "ServiceUnavailable" } },
      });
    } finally {
      await lost.stop();
    }
  });
});

it("answers an unknown path in ARM's shape", async () => {
  expect(await azure.call("contributor", "GET", `${group}/providers/Microsoft.Compute/disks/d?${v}`)).toMatchObject({
    status: 404,
    body: { error: { code: "NotFound" } },
  });
});
