import { exchange, linkAddress } from "@linkgate/njs/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AzureClients, signIn } from "./support/clients.ts";
import { endpointTo, findLink, readAll, readNrpRecord } from "./support/endpoints.ts";
import { askGate } from "./support/gate.ts";
import { type Stack, startStack } from "./support/stack.ts";

// The whole journey, with the clients that customers have: one step after the other, so a step that fails ends it. Twice:
// with ARM handing customers' writes to NRP, which calls the api, and with ARM forwarding them, and the api telling NRP.

describe.each([
  ["NRP writes for the customer", "false"],
  ["the customer writes, and NRP is told", "true"],
])("%s", (_mode, customerWrites) => {
  let stack: Stack;
  let owner: AzureClients;
  let visitor: AzureClients;
  let group: string;
  const account = "journey-fhir";

  beforeAll(async () => {
    stack = await startStack({ LINKGATE_CUSTOMER_WRITES: customerWrites });
    owner = signIn(stack.description, "contributor");
    visitor = signIn(stack.description, "network-contributor");
    group = stack.description.arm.resourceGroup;
  });
  afterAll(() => stack?.stop());

  test("a private endpoint is requested, approved, used, rejected and deleted", async () => {
    const created = await owner.health.services.beginCreateOrUpdateAndWait(group, account, {
      location: "westus2",
      kind: "fhir-R4",
      properties: { publicNetworkAccess: "Disabled" },
    });
    expect(created).toMatchObject({ name: account, properties: { provisioningState: "Succeeded" } });
    const target = created.id ?? "";
    const { private: privateZone, public: publicZone } = stack.description.zone;

    const endpoint = await visitor.network.privateEndpoints.createOrUpdate(
      group,
      "pe-journey",
      endpointTo(stack.description, target, true),
    );
    expect(endpoint.manualPrivateLinkServiceConnections?.[0]?.privateLinkServiceConnectionState?.status).toBe(
      "Pending",
    );
    const [pending] = await readAll(owner.health.privateEndpointConnections.listByService(group, account));
    expect(pending).toMatchObject({
      privateLinkServiceConnectionState: { status: "Pending" },
      provisioningState: "Succeeded",
    });
    expect(pending?.privateEndpoint?.id?.toLowerCase()).toBe(endpoint.id?.toLowerCase());
    const name = pending?.name ?? "";
    expect(name).toMatch(/^pe-journey\.[0-9a-f-]{36}$/);

    const link = await findLink(stack.description, owner, "pe-journey");
    const ask = () => askGate(stack.description, `${account}.${privateZone}`, link.linkAddress);
    expect((await ask()).line).toMatchObject({ verdict: "deny", status: 403, reason: "private-link-not-enabled" });

    const decide = (clients: AzureClients, status: "Approved" | "Rejected", description: string) =>
      clients.health.privateEndpointConnections.beginCreateOrUpdateAndWait(group, account, name, {
        privateLinkServiceConnectionState: { status, description },
      });
    await expect(decide(visitor, "Approved", "I approve myself")).rejects.toMatchObject({ statusCode: 403 });
    expect(await decide(owner, "Approved", "known network")).toMatchObject({
      privateLinkServiceConnectionState: { status: "Approved", description: "known network" },
      provisioningState: "Succeeded",
    });
    // Whoever writes, NRP's own record follows.
    const nrpRecord = () => readNrpRecord(stack.description, owner, "pe-journey", name);
    await expect.poll(nrpRecord).toBe("Approved");
    await expect.poll(async () => (await ask()).line.reason).toBe("private-link");
    const admitted = await ask();
    expect(admitted.line).toMatchObject({
      verdict: "allow",
      status: 200,
      client: `${link.privateAddress}:${link.linkIdentifier}`,
    });
    expect(JSON.parse(admitted.response.text())).toMatchObject({
      account,
      told: { privateLinkClient: `${link.privateAddress}:${link.linkIdentifier}` },
    });
    expect((await askGate(stack.description, `${account}.${publicZone}`, link.linkAddress)).line.reason).toBe(
      "private-link",
    );
    expect((await askGate(stack.description, `${account}.${publicZone}`, "203.0.113.7")).line.reason).toBe(
      "public-access-disabled",
    );
    const stranger = linkAddress(Number(link.linkIdentifier) + 1, link.privateAddress);
    expect((await askGate(stack.description, `${account}.${privateZone}`, stranger)).line.reason).toBe(
      "link-id-mismatch",
    );

    const followed = await owner.network.privateEndpoints.get(group, "pe-journey");
    expect(followed.manualPrivateLinkServiceConnections?.[0]?.privateLinkServiceConnectionState?.status).toBe(
      "Approved",
    );

    // A rejection is complete only when no gate admits the link: so the very first request afterwards is denied.
    expect(await decide(owner, "Rejected", "left the company")).toMatchObject({
      privateLinkServiceConnectionState: { status: "Rejected" },
      provisioningState: "Succeeded",
    });
    expect((await ask()).line).toMatchObject({ verdict: "deny", reason: "private-link-not-enabled" });
    const refused = await decide(owner, "Approved", "on second thoughts").catch((error: unknown) => error);
    expect(refused).toMatchObject({ statusCode: 409, code: "InvalidStateTransition" });

    await owner.health.privateEndpointConnections.beginDeleteAndWait(group, account, name);
    await expect.poll(nrpRecord).toBe("Disconnected");
    expect(await readAll(owner.health.privateEndpointConnections.listByService(group, account))).toEqual([]);
    await visitor.network.privateEndpoints.delete(group, "pe-journey");
  });

  test("an endpoint of one who may approve is approved at once, and its deletion means it", async () => {
    const target = (await owner.health.services.get(group, account)).id ?? "";
    await expect(
      visitor.network.privateEndpoints.createOrUpdate(group, "pe-cheeky", endpointTo(stack.description, target, false)),
    ).rejects.toMatchObject({ statusCode: 403 });
    await owner.network.privateEndpoints.createOrUpdate(group, "pe-auto", endpointTo(stack.description, target, false));
    const link = await findLink(stack.description, owner, "pe-auto");
    const ask = () => askGate(stack.description, `${account}.${stack.description.zone.private}`, link.linkAddress);
    await expect.poll(async () => (await ask()).line.reason).toBe("private-link");
    await owner.network.privateEndpoints.delete(group, "pe-auto");
    expect((await ask()).line).toMatchObject({ verdict: "deny", reason: "private-link-not-enabled" });
  });

  test("private link resources name the group and the zone", async () => {
    const resources = await owner.health.privateLinkResources.listByService(group, account);
    expect(resources.value).toMatchObject([
      { name: "fhir", groupId: "fhir", requiredZoneNames: [stack.description.zone.private] },
    ]);
  });

  test("an account goes with all that hangs on it", async () => {
    const target = (await owner.health.services.get(group, account)).id ?? "";
    await owner.network.privateEndpoints.createOrUpdate(group, "pe-last", endpointTo(stack.description, target, false));
    const link = await findLink(stack.description, owner, "pe-last");
    await owner.health.services.beginDeleteAndWait(group, account);
    await expect(owner.health.services.get(group, account)).rejects.toMatchObject({ statusCode: 404 });
    const answer = await askGate(stack.description, `${account}.${stack.description.zone.private}`, link.linkAddress);
    expect(answer.line).toMatchObject({ verdict: "deny", reason: "unknown-account" });
  });

  test("the stack describes itself truly", async () => {
    const { gates, upstream } = stack.description;
    const direct = new URL(gates.nginx.httpUrl);
    const answer = await exchange(
      { host: direct.hostname.replace(/^\[|\]$/g, ""), port: Number(direct.port) },
      { host: `nobody.${stack.description.zone.public}` },
    );
    expect(answer.status).toBe(403);
    expect((await fetch(upstream.url)).status).toBe(200);
  });
});
