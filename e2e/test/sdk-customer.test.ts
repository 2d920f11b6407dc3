import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AzureClients, signIn } from "./support/clients.ts";
import { endpointTo, readAll } from "./support/endpoints.ts";
import { type Stack, startStack } from "./support/stack.ts";

// Customers' official clients, with every api-version that one of them sends (az, Go, Terraform, JavaScript, Python).

let stack: Stack;
let group: string;
let visitor: AzureClients;

beforeAll(async () => {
  stack = await startStack();
  group = stack.description.arm.resourceGroup;
  visitor = signIn(stack.description, "network-contributor");
});
afterAll(() => stack?.stop());

const versions = ["2020-03-30", "2021-11-01", "2022-12-01", "2023-11-01", "2024-03-31"];

// One account for each, so that their waits run side by side.
test.concurrent.each(versions)("@azure/arm-healthcareapis with %s", async version => {
  const account = `sdk-${version}`;
  const endpoint = `pe-${version}`;
  const { health } = signIn(stack.description, "contributor", version);
  const names = (list: { name?: string }[]) => list.map(one => one.name);
  const listConnections = () => readAll(health.privateEndpointConnections.listByService(group, account));
  const decide = (name: string, status: "Approved" | "Rejected") =>
    health.privateEndpointConnections.beginCreateOrUpdateAndWait(group, account, name, {
      privateLinkServiceConnectionState: { status, description: `by ${version}` },
    });

  const created = await health.services.beginCreateOrUpdateAndWait(group, account, {
    location: "westus2",
    kind: "fhir-R4",
    tags: { made: "by sdk" },
  });
  expect(created).toMatchObject({ name: account, kind: "fhir-R4", properties: { provisioningState: "Succeeded" } });
  const target = created.id ?? "";
  const changed = await health.services.beginUpdateAndWait(group, account, {
    tags: { made: "by sdk", changed: "too" },
    publicNetworkAccess: "Disabled",
  });
  expect(changed).toMatchObject({ tags: { changed: "too" }, properties: { publicNetworkAccess: "Disabled" } });
  expect((await health.services.get(group, account)).id).toBe(target);
  expect(names(await readAll(health.services.listByResourceGroup(group)))).toContain(account);
  expect(names(await readAll(health.services.list()))).toContain(account);
  const { value } = await health.privateLinkResources.listByService(group, account);
  expect(value).toMatchObject([{ name: "fhir", groupId: "fhir", requiredMembers: ["fhir"] }]);
  expect(await health.privateLinkResources.get(group, account, "fhir")).toMatchObject({ groupId: "fhir" });

  await visitor.network.privateEndpoints.createOrUpdate(group, endpoint, endpointTo(stack.description, target, true));
  const [pending] = await listConnections();
  expect(pending).toMatchObject({
    privateLinkServiceConnectionState: { status: "Pending" },
    provisioningState: "Succeeded",
  });
  const name = pending?.name ?? "";
  expect(await decide(name, "Approved")).toMatchObject({
    privateLinkServiceConnectionState: { status: "Approved", description: `by ${version}` },
    provisioningState: "Succeeded",
  });
  const read = await health.privateEndpointConnections.get(group, account, name);
  expect(read.privateEndpoint?.id).toMatch(new RegExp(`/privateEndpoints/${endpoint}$`));
  expect(await decide(name, "Rejected")).toMatchObject({
    privateLinkServiceConnectionState: { status: "Rejected" },
    provisioningState: "Succeeded",
  });
  const refused = await decide(name, "Approved").catch((error: unknown) => error);
  expect(refused).toMatchObject({ statusCode: 409, code: "InvalidStateTransition" });
  await health.privateEndpointConnections.beginDeleteAndWait(group, account, name);
  expect(await listConnections()).toEqual([]);

  await health.services.beginDeleteAndWait(group, account);
  await expect(health.services.get(group, account)).rejects.toMatchObject({
    statusCode: 404,
    code: "ResourceNotFound",
  });
  await health.services.beginDeleteAndWait(group, account);
});

test("operations of the provider are listed, the internal ones among them", async () => {
  const names = (await readAll(signIn(stack.description, "contributor").health.operations.list())).map(one => one.name);
  expect(names).toContain("Microsoft.HealthcareApis/services/privateEndpointConnections/write");
});

describe("@azure/arm-network", () => {
  test("lists and reads endpoints of a group and of the subscription", async () => {
    const owner = signIn(stack.description, "contributor");
    const { id = "" } = await owner.health.services.beginCreateOrUpdateAndWait(group, "sdk-network", {
      location: "westus2",
      kind: "fhir",
    });
    const wish = endpointTo(stack.description, id, false);
    const made = await owner.network.privateEndpoints.createOrUpdate(group, "pe-network", wish);
    expect(made).toMatchObject({ name: "pe-network", provisioningState: "Succeeded" });
    expect(made.privateLinkServiceConnections?.[0]?.privateLinkServiceConnectionState?.status).toBe("Approved");
    expect(made.customDnsConfigs?.[0]?.fqdn).toBe(`sdk-network.${stack.description.zone.public}`);
    const names = (list: { name?: string }[]) => list.map(one => one.name);
    expect(names(await readAll(owner.network.privateEndpoints.list(group)))).toContain("pe-network");
    expect(names(await readAll(owner.network.privateEndpoints.listBySubscription()))).toContain("pe-network");
    expect((await visitor.network.privateEndpoints.get(group, "pe-network")).id).toBe(made.id);
    const refused = visitor.network.privateEndpoints.createOrUpdate(group, "pe-cheeky", wish);
    await expect(refused).rejects.toMatchObject({ statusCode: 403, code: "LinkedAuthorizationFailed" });
    await owner.network.privateEndpoints.delete(group, "pe-network");
    await expect(owner.network.privateEndpoints.get(group, "pe-network")).rejects.toMatchObject({ statusCode: 404 });
  });
});
