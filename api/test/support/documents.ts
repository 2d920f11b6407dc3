import type { Answer, ArmClient } from "./client.ts";

export const SUBSCRIPTION = "00000000-0000-0000-0000-000000000001";

/** The path of an account, in the group `rg`. */
export function accountPath(name: string, subscription = SUBSCRIPTION, group = "rg"): string {
  return `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.HealthcareApis/services/${name}`;
}

export function connectionPath(account: string, name: string): string {
  return `${accountPath(account)}/privateEndpointConnections/${name}`;
}

export function proxyPath(account: string, name: string): string {
  return `${accountPath(account)}/privateEndpointConnectionProxies/${name}`;
}

export const ACCOUNT_BODY = { kind: "fhir-R4", location: "West US 2" };

/** NRP's document of an endpoint, with or without automatic approval. */
export function proxyBody(name: string, kind: "manual" | "auto", linkIds: readonly number[] = []): object {
  const endpoint = `/subscriptions/${SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/privateEndpoints/${name}`;
  const connections = [{ name: "conn1", groupIds: ["fhir"], requestMessage: "Please approve." }];
  return {
    remotePrivateEndpoint: {
      id: endpoint,
      location: "westus2",
      immutableSubscriptionId: SUBSCRIPTION,
      immutableResourceId: endpoint,
      ...(kind === "auto"
        ? { privateLinkServiceConnections: connections }
        : { manualPrivateLinkServiceConnections: connections }),
      privateLinkServiceProxies: [
        { id: `${endpoint}/privateLinkServiceProxies/${name}`, groupConnectivityInformation: [] },
      ],
      connectionDetails: linkIds.map(id => ({
        id: `${endpoint}/${id}`,
        privateIpAddress: "10.1.1.4",
        linkIdentifier: String(id),
        groupId: "fhir",
        memberName: "fhir",
      })),
    },
  };
}

/** A decision about a connection, as the SDKs send it. */
export function decisionBody(status: string, description = `made ${status}`): object {
  return { properties: { privateLinkServiceConnectionState: { status, description } } };
}

let links = 1000;

/** A link id that no other test uses. */
export function nextLinkId(): number {
  links += 1;
  return links;
}

/** Makes an account that must not exist yet. */
export async function createAccount(client: ArmClient, name: string): Promise<void> {
  expectStatus(await client.put(accountPath(name), ACCOUNT_BODY), 201);
}

/** Fails with the whole answer, so that the cause is seen. */
export function expectStatus(answer: Answer, status: number): Answer {
  if (answer.status !== status) throw new Error(`wanted ${status}, got ${answer.status}: ${answer.text}`);
  return answer;
}
