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
  const { subscriptionId, url, resourceGroup } = stack.arm;
  const path = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.Network/privateEndpoints/${endpoint}/sandboxLinks`;
  const answer = await clients.health.sendRequest(
    createPipelineRequest({ url: `${url}${path}?api-version=2024-05-01`, method: "GET" }),
  );
  return JSON.parse(answer.bodyAsText ?? "{}").value[0];
}

/** Everything that a paged list has. */
export async function readAll<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of pages) all.push(one);
  return all;
}
