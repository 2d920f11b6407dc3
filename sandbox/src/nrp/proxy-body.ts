import type { ConnectionState, Endpoint, EndpointConnection } from "./endpoints.ts";

/** What NRP tells the provider of a private endpoint, in `validate` and PUT of the proxy alike (ARM contract 1.4). */
export function composeProxyBody(endpoint: Endpoint, connection: EndpointConnection): Record<string, unknown> {
  const request = {
    name: connection.name,
    groupIds: connection.groupIds,
    ...(connection.requestMessage === "" ? {} : { requestMessage: connection.requestMessage }),
  };
  return {
    remotePrivateEndpoint: {
      id: endpoint.id,
      location: endpoint.location,
      immutableSubscriptionId: endpoint.id.split("/")[2],
      immutableResourceId: endpoint.id,
      vnetTrafficTag: String(endpoint.vnetTag),
      [connection.manual ? "manualPrivateLinkServiceConnections" : "privateLinkServiceConnections"]: [request],
      privateLinkServiceProxies: [
        {
          id: `${endpoint.id}/privateLinkServiceProxies/${connection.proxyName}`,
          groupConnectivityInformation: [],
        },
      ],
      ...(connection.linkId === null
        ? {}
        : {
            connectionDetails: connection.groupIds.map(groupId => ({
              id: `${endpoint.id}/connectionDetails/${connection.proxyName}`,
              privateIpAddress: endpoint.privateIpAddress,
              linkIdentifier: String(connection.linkId),
              groupId,
              memberName: groupId,
            })),
          }),
    },
  };
}

/** The parts of the provider's proxy that NRP passes on to the endpoint's owner. */
export function readProxyState(body: Record<string, unknown>): { state: ConnectionState; fqdns: string[] } | undefined {
  const remote = body.remotePrivateEndpoint as { privateLinkServiceProxies?: ProxyPart[] } | undefined;
  const proxy = remote?.privateLinkServiceProxies?.[0];
  const state = proxy?.remotePrivateLinkServiceConnectionState;
  const status = state?.status ?? body.status;
  if (typeof status !== "string") return undefined;
  return {
    state: {
      status,
      description: state?.description ?? "",
      actionsRequired: state?.actionsRequired ?? "None",
    },
    fqdns: proxy?.groupConnectivityInformation?.flatMap(group => group.customerVisibleFqdns ?? []) ?? [],
  };
}

interface ProxyPart {
  remotePrivateLinkServiceConnectionState?: Partial<ConnectionState>;
  groupConnectivityInformation?: { customerVisibleFqdns?: string[] }[];
}
