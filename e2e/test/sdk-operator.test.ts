import { randomUUID } from "node:crypto";
import type { DeviceUpdate, PrivateEndpointConnectionProxy } from "@azure/arm-deviceupdate";
import { createHttpHeaders, createPipelineRequest } from "@azure/core-rest-pipeline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AzureClients, signIn, signInForProxies } from "./support/clients.ts";
import { readAll } from "./support/endpoints.ts";
import { type Stack, startStack } from "./support/stack.ts";

// Official clients of those who are not customers: NRP, and whoever gives roles.

let stack: Stack;
let group: string;
let contributor: AzureClients;
let owner: AzureClients;
let target: string;
const account = "sdk-operator";

beforeAll(async () => {
  stack = await startStack();
  group = stack.description.arm.resourceGroup;
  contributor = signIn(stack.description, "contributor");
  owner = signIn(stack.description, "owner");
  const created = await contributor.health.services.beginCreateOrUpdateAndWait(group, account, {
    location: "westus2",
    kind: "fhir",
  });
  target = created.id ?? "";
});
afterAll(() => stack?.stop());

describe("@azure/arm-deviceupdate, on the proxies of an account", () => {
  let nrp: DeviceUpdate;
  const name = `pe-sdk.${randomUUID()}`;

  function proxyFor(groupIds: string[]): PrivateEndpointConnectionProxy {
    const { subscriptionId, resourceGroup } = stack.description.arm;
    const id = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.Network/privateEndpoints/pe-sdk`;
    return {
      remotePrivateEndpoint: {
        id,
        location: "westus2",
        immutableSubscriptionId: subscriptionId,
        immutableResourceId: id,
        manualPrivateLinkServiceConnections: [{ name: "fhir", groupIds, requestMessage: "Please approve." }],
        privateLinkServiceProxies: [{ id: `${id}/privateLinkServiceProxies/${name}` }],
      },
    };
  }

  beforeAll(() => {
    const { nrpAppId: clientId, nrpAppSecret: clientSecret } = stack.description.rp;
    nrp = signInForProxies(stack.description, { clientId, clientSecret });
  });

  test("NRP validates, puts, reads, lists and deletes", async () => {
    const proxies = nrp.privateEndpointConnectionProxies;
    await proxies.validate(group, account, name, proxyFor(["fhir"]));
    const refused = proxies.validate(group, account, name, proxyFor(["dicom"]));
    await expect(refused).rejects.toMatchObject({ statusCode: 400 });

    const put = await proxies.beginCreateOrUpdateAndWait(group, account, name, proxyFor(["fhir"]));
    expect(put).toMatchObject({ name, provisioningState: "Succeeded", status: "Pending" });
    expect(put.remotePrivateEndpoint?.manualPrivateLinkServiceConnections).toMatchObject([
      { name: "fhir", groupIds: ["fhir"], requestMessage: "Please approve." },
    ]);
    const again = await proxies.beginCreateOrUpdateAndWait(group, account, name, proxyFor(["fhir"]));
    expect(again.id).toBe(put.id);
    expect(await proxies.get(group, account, name)).toMatchObject({ id: put.id, status: "Pending" });
    expect(await readAll(proxies.listByAccount(group, account))).toMatchObject([{ name }]);
    // What NRP has asked for is what the account's owner finds; it has no link id, so it can't be approved.
    expect(await contributor.health.privateEndpointConnections.get(group, account, name)).toMatchObject({
      privateLinkServiceConnectionState: { status: "Pending", description: "Please approve." },
    });
    const approval = contributor.health.privateEndpointConnections.beginCreateOrUpdateAndWait(group, account, name, {
      privateLinkServiceConnectionState: { status: "Approved" },
    });
    await expect(approval).rejects.toMatchObject({ statusCode: 409 });
    await proxies.updatePrivateEndpointProperties(group, account, name, {
      ...proxyFor(["fhir"]).remotePrivateEndpoint,
      vnetTrafficTag: "12345678",
    });
    await proxies.beginDeleteAndWait(group, account, name);
    expect(await readAll(proxies.listByAccount(group, account))).toEqual([]);
    await proxies.beginDeleteAndWait(group, account, name);
    await expect(proxies.get(group, account, name)).rejects.toMatchObject({ statusCode: 404 });
  });

  test("nobody else does, whatever their role", async () => {
    const clients = stack.description.arm.clients;
    const write = (client: (typeof clients)[string] | undefined) => {
      if (client === undefined) throw new Error("stack.json has no such client");
      const { privateEndpointConnectionProxies: proxies } = signInForProxies(stack.description, client);
      return proxies.beginCreateOrUpdateAndWait(group, account, name, proxyFor(["fhir"]));
    };
    await expect(write(clients.contributor)).rejects.toMatchObject({ statusCode: 409 });
    await expect(write(clients.owner)).rejects.toMatchObject({ statusCode: 409 });
    await expect(write(clients.reader)).rejects.toMatchObject({ statusCode: 403, code: "AuthorizationFailed" });
  });
});

describe("@azure/arm-authorization", () => {
  test("says what the caller may do, at every scope", async () => {
    const atGroup = await readAll(contributor.authorization.permissions.listForResourceGroup(group));
    expect(atGroup).toMatchObject([{ actions: ["*"], notActions: expect.arrayContaining([expect.any(String)]) }]);
    const path = ["Microsoft.HealthcareApis", "", "services", account] as const;
    expect(await readAll(contributor.authorization.permissions.listForResource(group, ...path))).toEqual(atGroup);
    const nobody = signIn(stack.description, "platform-engineer");
    expect(await readAll(nobody.authorization.permissions.listForResource(group, ...path))).toEqual([]);
  });

  test("gives a role, which counts at once, and takes it back", async () => {
    const engineer = signIn(stack.description, "platform-engineer");
    const { roleAssignments, roleDefinitions } = owner.authorization;
    const filter = "roleName eq 'Private Link Data Admin'";
    const [role] = await readAll(roleDefinitions.list(target, { filter }));
    expect(role).toMatchObject({ roleType: "CustomRole" });
    const principalId = await readPrincipalId(engineer);
    await expect(engineer.health.services.get(group, account)).rejects.toMatchObject({ statusCode: 403 });
    const name = randomUUID();
    const made = await roleAssignments.create(target, name, {
      roleDefinitionId: role?.id ?? "",
      principalId,
      principalType: "ServicePrincipal",
    });
    expect(made).toMatchObject({ name, scope: target, principalId });
    expect((await engineer.health.services.get(group, account)).name).toBe(account);
    expect((await readAll(engineer.health.services.list())).map(one => one.name)).toEqual([account]);
    const mine = await readAll(roleAssignments.listForScope(target, { filter: `assignedTo('${principalId}')` }));
    expect(mine).toMatchObject([{ id: made.id }]);
    expect(await roleAssignments.get(target, name)).toMatchObject({ id: made.id });
    await expect(
      contributor.authorization.roleAssignments.create(target, randomUUID(), {
        roleDefinitionId: role?.id ?? "",
        principalId,
      }),
    ).rejects.toMatchObject({ statusCode: 403, code: "AuthorizationFailed" });
    await roleAssignments.delete(target, name);
    await expect(engineer.health.services.get(group, account)).rejects.toMatchObject({ statusCode: 403 });
  });
});

describe("a subscription", () => {
  const setState = async (state: string) => {
    const { url, subscriptionId } = stack.description.arm;
    const path = `/subscriptions/${subscriptionId}/providers/Linkgate.Sandbox/state?api-version=2022-12-01`;
    const headers = createHttpHeaders({ "content-type": "application/json" });
    const body = JSON.stringify({ state });
    const answer = await owner.health.sendRequest(
      createPipelineRequest({ url: `${url}${path}`, method: "PUT", headers, body }),
    );
    expect(answer.status).toBe(200);
  };

  test("that is suspended can be read and not written, until it is registered again", async () => {
    const write = () =>
      contributor.health.services.beginUpdateAndWait(group, account, { tags: { written: "yes" } }).then(
        () => 200,
        (error: { statusCode: number; code: string }) => [error.statusCode, error.code],
      );
    await setState("Suspended");
    expect(await write()).toEqual([400, "InvalidSubscriptionState"]);
    expect((await contributor.health.services.get(group, account)).name).toBe(account);
    await setState("Registered");
    expect(await write()).toBe(200);
  });
});

/** A service principal's object id, as ARM's refusal names it. */
async function readPrincipalId(clients: AzureClients): Promise<string> {
  const error = await clients.health.services.get(group, account).catch((refusal: Error) => refusal);
  return /object id '([^']+)'/.exec((error as Error).message)?.[1] ?? "";
}
