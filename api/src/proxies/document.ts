import type { Account } from "../accounts/repository.ts";
import type { Zone } from "../arm/context.ts";
import { ACCOUNT_TYPE, accountId, PROVIDER } from "../arm/paths.ts";
import { quoteEtag } from "../arm/preconditions.ts";
import { connectionId } from "../connections/document.ts";
import { GROUP_ID } from "../connections/link-resources.ts";
import type { Connection } from "../connections/repository.ts";
import type { AnswerOf } from "../contract/contract.ts";

type Proxy = AnswerOf<"PrivateEndpointConnectionProxies_Get">;
type ServiceProxy = NonNullable<NonNullable<Proxy["remotePrivateEndpoint"]>["privateLinkServiceProxies"]>[number];
type GroupConnectivity = NonNullable<ServiceProxy["groupConnectivityInformation"]>[number];

/**
 * A proxy as NRP sees it (arm-contract 1.2, payload at the top). When it is approved it carries the hosts NRP makes
 * DNS records for: what customers call, and what the account is called inside.
 */
export function proxyDocument(account: Account, connection: Connection, zones: readonly Zone[]): Proxy {
  const endpoint = connection.remote_private_endpoint;
  const sent = endpoint.privateLinkServiceProxies ?? [];
  const answer = {
    remotePrivateLinkServiceConnectionState: {
      status: connection.status,
      description: connection.description,
      actionsRequired: connection.actions_required,
    },
    remotePrivateEndpointConnection: { id: connectionId(account, connection) },
    groupConnectivityInformation: connection.status === "Approved" ? [connectivity(account, zones)] : [],
  };
  return {
    id: `${accountId(account)}/privateEndpointConnectionProxies/${connection.name}`,
    name: connection.name,
    type: `${PROVIDER}/${ACCOUNT_TYPE}/privateEndpointConnectionProxies`,
    eTag: quoteEtag(connection.etag),
    status: connection.status,
    ...(Object.keys(connection.system_data).length === 0 ? {} : { systemData: connection.system_data }),
    properties: { provisioningState: connection.provisioning_state },
    remotePrivateEndpoint: {
      ...endpoint,
      privateLinkServiceProxies: sent.length === 0 ? [answer] : sent.map(proxy => ({ ...proxy, ...answer })),
    },
  };
}

function connectivity(account: Account, zones: readonly Zone[]): GroupConnectivity {
  return {
    groupId: GROUP_ID,
    memberName: GROUP_ID,
    customerVisibleFqdns: zones.map(zone => `${account.account}.${zone.public}`),
    internalFqdn: `${account.account}.${zones[0]?.private}`,
  };
}
