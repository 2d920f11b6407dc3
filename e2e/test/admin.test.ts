import { readFileSync } from "node:fs";
import { signInPerson } from "@linkgate/sandbox/testing";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AzureClients, signIn } from "./support/clients.ts";
import { endpointTo, findLink } from "./support/endpoints.ts";
import { askGate } from "./support/gate.ts";
import { type Stack, startStack } from "./support/stack.ts";

// People decide by the admin API, as the portal does for them: real sign-in, on-behalf-of, ARM's roles, NRP, real gates.

type Name = "data-admin" | "reader" | "platform-engineer" | "no-rights";

describe.each([
  ["NRP writes for the admin", "false"],
  ["ARM forwards the admin's write", "true"],
])("%s", (_mode, customerWrites) => {
  let stack: Stack;
  let owner: AzureClients;
  let visitor: AzureClients;
  let agent: Agent;
  const tokens = new Map<Name, string>();
  const account = "contoso";

  beforeAll(async () => {
    stack = await startStack({ LINKGATE_CUSTOMER_WRITES: customerWrites });
    const { arm, portal, rp } = stack.description;
    const ca = readFileSync(arm.caFile, "utf8");
    agent = new Agent({ connect: { ca: readFileSync(rp.caFile, "utf8") } });
    owner = signIn(stack.description, "contributor");
    visitor = signIn(stack.description, "network-contributor");
    const { authority, tenantId } = arm;
    for (const name of ["data-admin", "reader", "platform-engineer", "no-rights"] as const) {
      const person = portal.people[name];
      if (person === undefined) throw new Error(`the sandbox has nobody called ${name}`);
      const place = { authority, tenantId, ca, clientId: portal.clientId };
      tokens.set(name, (await signInPerson(place, person)).access_token);
    }
    for (const name of [account, "northwind"]) {
      await owner.health.services.beginCreateOrUpdateAndWait(arm.resourceGroup, name, {
        location: "westus2",
        kind: "fhir-R4",
        properties: { publicNetworkAccess: "Disabled" },
      });
    }
  });
  afterAll(async () => {
    await agent?.close();
    await stack?.stop();
  });

  async function call(name: Name, method: "GET" | "POST", path: string, body?: object) {
    const answer = await request(`${stack.description.rp.adminUrl}/admin/v1/${path}`, {
      method,
      dispatcher: agent,
      headers: {
        authorization: `Bearer ${tokens.get(name)}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: documents are read member by member
    return { status: answer.statusCode, body: (await answer.body.json()) as any };
  }

  const decide = (name: Name, action: string, connection: string, comment: string) =>
    call(name, "POST", "decisions", { action, comment, connections: [{ account, name: connection }] });

  test("request, approve, in force, used, remove, denied; and the history says who and why", async () => {
    const { resourceGroup } = stack.description.arm;
    const target = (await owner.health.services.get(resourceGroup, account)).id ?? "";
    const { private: zone } = stack.description.zone;
    await visitor.network.privateEndpoints.createOrUpdate(
      resourceGroup,
      "pe-partner",
      endpointTo(stack.description, target, true),
    );
    const pending = await call("data-admin", "GET", "connections?state=Pending");
    expect(pending.body).toMatchObject({
      value: [{ account, state: "Pending", rights: { approve: true, remove: true } }],
      counts: { Pending: 1 },
    });
    const [{ name }] = pending.body.value;
    const path = `accounts/${account}/connections/${name}`;
    const link = await findLink(stack.description, owner, "pe-partner");
    const ask = async () => (await askGate(stack.description, `${account}.${zone}`, link.linkAddress)).line;
    expect(await ask()).toMatchObject({ verdict: "deny", status: 403 });

    // The reader sees it, and Azure refuses the reader's decision.
    expect((await call("reader", "GET", path)).body).toMatchObject({ rights: { approve: false, remove: false } });
    const cheeky = await decide("reader", "approve", name, "let me");
    expect(cheeky.body.value).toMatchObject([
      { outcome: "refused", error: { code: "AuthorizationFailed" }, connection: { state: "Pending" } },
    ]);
    expect(await ask()).toMatchObject({ verdict: "deny" });

    const approved = await decide("data-admin", "approve", name, "partner of ward 7");
    expect(approved.body.value).toMatchObject([{ outcome: "accepted", connection: { state: "Approved" } }]);
    await expect
      .poll(async () => (await call("data-admin", "GET", path)).body.progress)
      .toMatchObject({ phase: "done", gates: 2, inForce: 2, waitingFor: [] });
    expect(await ask()).toMatchObject({ verdict: "allow", status: 200, reason: "private-link" });

    const removed = await decide("data-admin", "remove", name, "the contract has ended");
    expect(removed.body.value).toMatchObject([{ outcome: "accepted" }]);
    const isGone = async () => (await call("data-admin", "GET", path)).status;
    await expect.poll(isGone).toBe(404);
    expect(await ask()).toMatchObject({ verdict: "deny", status: 403 });

    const history = (await call("reader", "GET", `history?account=${account}`)).body.value;
    const by = { name: "Dana Ortiz", objectId: expect.stringContaining("0b1ec700") };
    expect(history).toMatchObject([
      { action: "remove", from: "Approved", comment: "the contract has ended", via: "portal", by },
      {
        ...{ action: "approve", from: "Pending", comment: "partner of ward 7", via: "portal", by },
        correlationId: approved.body.correlationId,
      },
      { action: "request", from: "Absent", to: "Pending" },
    ]);
  });

  test("who has no rights sees nothing; the data admin sees their own accounts alone", async () => {
    for (const path of ["accounts", "connections", "history", "gates"]) {
      expect((await call("no-rights", "GET", path)).body.value, path).toEqual([]);
    }
    expect((await call("no-rights", "GET", `accounts/${account}`)).status).toBe(404);
    expect((await decide("no-rights", "remove", "pe", "mine")).body.value).toMatchObject([
      { outcome: "refused", error: { code: "NotFound" } },
    ]);
    const names = async (name: Name) =>
      (await call(name, "GET", "accounts")).body.value.map((one: { account: string }) => one.account);
    expect(await names("data-admin")).toEqual([account]);
    expect(await names("reader")).toEqual([account, "northwind"]);
  });

  test("gates: the platform engineer sees and retires them, nobody else does", async () => {
    const seen = await call("platform-engineer", "GET", "gates");
    expect(seen.body.value.map((gate: { name: string }) => gate.name)).toEqual(["envoy", "nginx"]);
    const nobody = "0".repeat(32);
    expect((await call("platform-engineer", "POST", `gates/${nobody}/retire`)).status).toBe(404);
    expect((await call("data-admin", "POST", `gates/${nobody}/retire`)).status).toBe(403);
    expect((await call("data-admin", "GET", "gates")).body.value).toHaveLength(2);
  });
});
