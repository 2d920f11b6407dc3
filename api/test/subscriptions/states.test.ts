import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ArmRoute } from "../../src/arm/app.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Answer } from "../support/client.ts";
import { ACCOUNT_BODY, accountPath, expectStatus, nextLinkId, proxyBody } from "../support/documents.ts";
import type { TestGate } from "../support/gate.ts";
import { fillIn, listRoutes } from "../support/routes.ts";
import { until } from "../support/until.ts";

const STATES = ["Registered", "Warned", "Suspended", "Unregistered", "Deleted"] as const;
type State = (typeof STATES)[number];

/** ARM RPC, "Subscription States", written down a second time: the methods that each state lets pass. */
const PERMITTED: Record<State, string[]> = {
  Registered: ["DELETE", "GET", "PATCH", "POST", "PUT"],
  Warned: ["DELETE", "GET"],
  Suspended: ["DELETE", "GET"],
  Unregistered: ["GET"],
  Deleted: ["DELETE", "GET"],
};

/** What ARM sends, with members that nobody here knows. */
const notification = (state: string): object => ({
  state,
  registrationDate: "Tue, 15 Nov 1994 08:12:31 GMT",
  unheardOf: [1],
  properties: {
    tenantId: "ac430efe-1866-4124-9ed9-ee67f9cb75db",
    accountOwner: { puid: "p", email: "owner@example.com" },
    registeredFeatures: [{ name: "f", state: "Registered" }],
    additionalProperties: { billingProperties: { costCategory: "FR" }, unheardOf: { deep: [] } },
  },
});

let api: TestApi;
let gate: TestGate;
let routes: readonly ArmRoute[];
let count = 0;

beforeAll(async () => {
  api = await startTestApi();
  gate = api.gate();
  routes = await listRoutes();
});
afterAll(() => api.stop());

const announce = (subscription: string, state: string): Promise<Answer> =>
  api.anonymous.put(`/subscriptions/${subscription}`, notification(state), { apiVersion: "2.0" });

/** ARM sends it until it is 200. */
async function settle(subscription: string, state: State): Promise<Answer> {
  return await until(`${subscription} to be ${state}`, async () => {
    const answer = await announce(subscription, state);
    expect([200, 202], answer.text).toContain(answer.status);
    return answer.status === 200 && answer;
  });
}

/** A subscription with an account and an approved endpoint. */
async function makeSubscription(): Promise<{ subscription: string; account: string; path: string; link: number }> {
  count += 1;
  const [subscription, account, link] = [`Sub-${count}`, `subs${count}`, nextLinkId()];
  const path = accountPath(account, subscription);
  expectStatus(await api.nrp.put(path, ACCOUNT_BODY), 201);
  const proxy = `${path}/privateEndpointConnectionProxies/pe`;
  expectStatus(await api.nrp.put(proxy, proxyBody("pe", "auto", [link])), 201);
  return { subscription, account, path, link };
}

describe("a notification of ARM's", () => {
  it("is answered 200 with what was sent, for a subscription that nobody has heard of, and again", async () => {
    for (const state of STATES) {
      for (let times = 0; times < 2; times++) {
        const answer = await announce(`new-${state}`, state);
        expect(answer, answer.text).toMatchObject({ status: 200, body: notification(state) });
      }
    }
  });

  it("has the platform's api-version and no other", async () => {
    const put = (apiVersion: string | null) =>
      api.anonymous.put("/subscriptions/versions", notification("Registered"), { apiVersion });
    expect((await put(null)).body.error.code).toBe("MissingApiVersionParameter");
    expect((await put("2024-03-31")).body.error.code).toBe("UnsupportedApiVersionValue");
    expect((await put("2.1")).body.error.code).toBe("InvalidApiVersionParameter");
    const elsewhere = await api.nrp.get(accountPath("any"), { apiVersion: "2.0" });
    expect(elsewhere.body.error.code).toBe("InvalidApiVersionParameter");
  });

  it.each([{}, { state: "Enabled" }, { state: "registered" }, { state: 1 }])("%j is 400", async body => {
    const answer = await api.anonymous.put("/subscriptions/wrong", body, { apiVersion: "2.0" });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: "InvalidRequestContent" } } });
    expect(answer.body.error.message).toContain("state");
  });

  it("may bring any state after any other", async () => {
    for (const from of STATES) {
      for (const to of STATES) {
        expectStatus(await announce("any-order", from), 200);
        expectStatus(await announce("any-order", to), 200);
        const created = await api.nrp.put(accountPath("any-order", "ANY-order"), ACCOUNT_BODY);
        expect(created.status < 300, `${from} then ${to}: ${created.text}`).toBe(to === "Registered");
        if (to === "Registered") {
          expectStatus(await api.nrp.delete(accountPath("any-order", "any-order")), 202);
          await until("the account to go", async () => {
            return (await api.nrp.get(accountPath("any-order", "any-order"))).status === 404;
          });
        }
      }
    }
  });
});

describe("what a state permits", () => {
  it("is asked on every route of a subscription; a subscription that was never announced is Registered", async () => {
    const made = await makeSubscription();
    for (const state of [undefined, ...STATES.filter(other => other !== "Deleted")]) {
      if (state !== undefined) await settle(made.subscription, state);
      const permitted = PERMITTED[state ?? "Registered"];
      for (const { method, path, apiVersion } of routes) {
        if (apiVersion !== undefined || !path.includes(":subscriptionId") || method === "DELETE") continue;
        const filled = fillIn(path, made.account).replace("00000000-0000-0000-0000-000000000001", made.subscription);
        const answer = await api.nrp.call(method, filled, { body: {} });
        const refused = answer.body?.error?.code === "InvalidSubscriptionState";
        expect(refused, `${state} ${method} ${path}: ${answer.status}`).toBe(!permitted.includes(method));
        if (refused) expect(answer.status).toBe(400);
      }
    }
  });

  it.each(STATES)("%s: DELETE of a connection and of an account", async state => {
    const { subscription, path } = await makeSubscription();
    await announce(subscription, state);
    const wanted = PERMITTED[state].includes("DELETE") ? 202 : 400;
    expect((await api.nrp.delete(`${path}/privateEndpointConnections/pe`)).status).toBe(wanted);
    expect((await api.customer.delete(path)).status).toBe(wanted);
    await gate.catchUp();
  });

  it("comes after the caller: whoever isn't NRP is told that, whatever the state", async () => {
    const { subscription, path } = await makeSubscription();
    await settle(subscription, "Suspended");
    const answer = await api.customer.put(`${path}/privateEndpointConnections/pe`, {});
    expect(answer).toMatchObject({ status: 409, body: { error: { code: "Conflict" } } });
  });
});

describe("the data plane", () => {
  it.each(["Warned", "Suspended", "Unregistered"] as const)(
    "is off while the subscription is %s, and back after it",
    async state => {
      const { subscription, account, path, link } = await makeSubscription();
      const record = { publicAccess: "enabled", linkIds: [link] };
      await gate.catchUp();
      expect(gate.table.get(account)).toEqual(record);

      await settle(subscription, state);
      await gate.catchUp();
      expect(gate.table.has(account)).toBe(false);
      const shown = await api.customer.get(path);
      expect(shown.body.properties.provisioningState).toBe(state === "Unregistered" ? "Succeeded" : state);
      const [connection] = shown.body.properties.privateEndpointConnections;
      expect(connection.properties.privateLinkServiceConnectionState.status).toBe("Approved");

      await settle(subscription, "Registered");
      await gate.catchUp();
      expect(gate.table.get(account)).toEqual(record);
      expect((await api.customer.get(path)).body.properties.provisioningState).toBe("Succeeded");
    },
  );

  it("keeps the link ids of a suspended subscription from everybody else", async () => {
    const { subscription, link } = await makeSubscription();
    await settle(subscription, "Suspended");
    const other = await makeSubscription();
    const proxy = `${other.path}/privateEndpointConnectionProxies/pe2`;
    const answer = await api.nrp.put(proxy, proxyBody("pe2", "auto", [link]));
    expect(answer.body.error.code).toBe("LinkIdInUse");
  });

  it("is told of a suspension even by a change that began before it", async () => {
    const { subscription, account, path } = await makeSubscription();
    const writes = Array.from({ length: 10 }, (_, index) =>
      api.customer.patch(path, { properties: { publicNetworkAccess: index % 2 === 0 ? "Disabled" : "Enabled" } }),
    );
    await announce(subscription, "Suspended");
    await Promise.all(writes);
    await settle(subscription, "Suspended");
    await gate.catchUp();
    expect(gate.table.has(account)).toBe(false);
  });
});
