import type { PrivateEndpoint } from "@azure/arm-network";
import { createPipelineRequest } from "@azure/core-rest-pipeline";
import type { AzureClients } from "./clients.ts";
import type { StackDescription } from "./stack.ts";

/** A private endpoint's definition, as every client sends it. */
export function endpointTo(stack: StackDescription, target: string, isManual: boolean): PrivateEndpoint {
  const { subscriptionId, resourceGroup } = stack.arm;
  const network = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.Network`;
  const connection = {
    name: "fhir",
    privateLinkServiceId: target,
    groupIds: ["fhir"],
    requestMessage: "Please approve.",
  };
  return {
    location: "westus2",
    subnet: { id: `${network}/virtualNetworks/vnet/subnets/clients` },
    ...(isManual
      ? { manualPrivateLinkServiceConnections: [connection] }
      : { privateLinkServiceConnections: [connection] }),
  };
}

/** The address that an endpoint's link gives its clients. The sandbox tells it; Azure does not. */
export async function findLink(
  stack: StackDescription,
  clients: AzureClients,
  endpoint: string,
): Promise<{ linkAddress: string; linkIdentifier: string; privateAddress: string }> {
  return (await readBelow(stack, clients, `${endpoint}/sandboxLinks`)).value[0];
}

/** The status of a connection that NRP has on record: what it was told last, or has written itself. */
export async function readNrpRecord(
  stack: StackDescription,
  clients: AzureClients,
  endpoint: string,
  connection: string,
): Promise<string> {
  const { properties } = await readBelow(stack, clients, `${endpoint}/privateLinkServiceProxies/${connection}`);
  return properties.remotePrivateLinkServiceConnectionState.status;
}

async function readBelow(stack: StackDescription, clients: AzureClients, path: string) {
  const { subscriptionId, url, resourceGroup } = stack.arm;
  const group = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;
  const target = `${group}/providers/Microsoft.Network/privateEndpoints/${path}?api-version=2024-05-01`;
  const answer = await clients.health.sendRequest(createPipelineRequest({ url: `${url}${target}`, method: "GET" }));
  return JSON.parse(answer.bodyAsText ?? "{}");
}

/** Everything that a paged list has. */
export async function readAll<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of pages) all.push(one);
  return all;
}
