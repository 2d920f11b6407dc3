import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { services, startTestAzure, subscriptionId, type TestAzure, tenantId } from "./support/azure.ts";

let azure: TestAzure;
const v = "api-version=2022-12-01";
const subscription = `/subscriptions/${subscriptionId}`;
const state = `${subscription}/providers/Linkgate.Sandbox/state`;
const notice = `${subscription}?api-version=2.0`;

beforeAll(async () => {
  azure = await startTestAzure();
});
afterAll(() => azure?.stop());
beforeEach(() => {
  azure.received.length = 0;
  azure.answer(({ target }) => (target === notice ? { status: 200, body: {} } : undefined));
});

describe("a subscription's state", () => {
  it("is told to the provider from the start, by ARM itself", async () => {
    await azure.arm.announce();
    expect(azure.received).toHaveLength(1);
    expect(azure.received[0]).toMatchObject({ method: "PUT", target: notice });
    expect(JSON.parse(azure.received[0]?.body ?? "")).toMatchObject({
      state: "Registered",
      registrationDate: expect.stringMatching(/ GMT$/),
      properties: { tenantId },
    });
    expect(azure.received[0]?.headers).not.toHaveProperty("x-ms-client-app-id");
  });

  it.each([
    ["Warned", "Warned"],
    ["Suspended", "Disabled"],
    ["Unregistered", "Enabled"],
    ["Deleted", "Deleted"],
    ["Registered", "Enabled"],
  ])("becomes %s by the sandbox's own route", async (wanted, shown) => {
    expect(await azure.call("contributor", "PUT", `${state}?${v}`, { state: wanted })).toMatchObject({ status: 200 });
    expect(JSON.parse(azure.received[0]?.body ?? "")).toMatchObject({ state: wanted });
    expect((await azure.call("reader", "GET", `${state}?${v}`)).body).toEqual({ state: wanted });
    expect((await azure.call("reader", "GET", `${subscription}?${v}`)).body.state).toBe(shown);
  });

  it("is told again until the provider has followed", async () => {
    let calls = 0;
    azure.answer(() => ({ status: ++calls < 3 ? 202 : 200, headers: { "retry-after": "0" }, body: {} }));
    expect(await azure.call("contributor", "PUT", `${state}?${v}`, { state: "Deleted" })).toMatchObject({
      status: 200,
    });
    expect(calls).toBe(3);
    await azure.call("contributor", "PUT", `${state}?${v}`, { state: "Registered" });
  });

  it("stays where the provider does not take it, and is nobody's to change who may not write", async () => {
    azure.answer(() => ({ status: 500, body: {} }));
    expect((await azure.call("contributor", "PUT", `${state}?${v}`, { state: "Suspended" })).status).toBe(502);
    expect((await azure.call("reader", "GET", `${state}?${v}`)).body).toEqual({ state: "Registered" });
    expect((await azure.call("reader", "PUT", `${state}?${v}`, { state: "Suspended" })).status).toBe(403);
    expect((await azure.call("contributor", "PUT", `${state}?${v}`, { state: "Gone" })).status).toBe(400);
    expect((await azure.call("contributor", "PUT", `${state}?${v}`, { state: "toString" })).status).toBe(400);
  });
});

describe("with customers' writes", () => {
  let open: TestAzure;
  beforeAll(async () => {
    open = await startTestAzure({ customerWrites: true });
  });
  afterAll(() => open?.stop());

  it("a customer's PUT and DELETE of a connection reach the provider as theirs", async () => {
    open.answer(({ method }) => (method === "DELETE" ? { status: 204 } : { status: 200, body: { name: "c" } }));
    const path = `${services}/contoso/privateEndpointConnections/c?api-version=2024-03-31`;
    const body = { properties: { privateLinkServiceConnectionState: { status: "Approved" } } };
    expect(await open.call("contributor", "PUT", path, body)).toMatchObject({ status: 200 });
    expect(await open.call("contributor", "DELETE", path)).toMatchObject({ status: 204 });
    const contributor = open.applications.find(one => one.name === "contributor");
    for (const { headers } of open.received) {
      expect(headers).toMatchObject({
        "x-ms-client-app-id": contributor?.clientId,
        "x-ms-client-object-id": contributor?.objectId,
      });
    }
    expect(open.received.map(one => one.method)).toEqual(["PUT", "DELETE"]);
    expect((await open.call("reader", "PUT", path, body)).status).toBe(403);
  });
});
