import { ArmError } from "../arm/errors.ts";
import { GROUP_ID } from "../connections/link-resources.ts";
import { type BodyOf, contract } from "../contract/contract.ts";

/** NRP's document of a private endpoint (arm-contract 1.2); the payload at the top or under `properties` (design 5). */
export const proxyBody = contract.operation("PrivateEndpointConnectionProxies_CreateOrUpdate");
export type ProxyBody = BodyOf<"PrivateEndpointConnectionProxies_CreateOrUpdate">;

export type RemotePrivateEndpoint = NonNullable<ProxyBody["remotePrivateEndpoint"]>;

/** What NRP says of an endpoint that was moved (arm-contract 1.4). */
export const endpointUpdate = contract.operation("PrivateEndpointConnectionProxies_UpdatePrivateEndpointProperties");
export type EndpointUpdate = BodyOf<"PrivateEndpointConnectionProxies_UpdatePrivateEndpointProperties">;

/** What the registry takes from NRP's document. */
export interface ProxyRequest {
  readonly endpoint: RemotePrivateEndpoint;
  /** Approved at once: ARM has checked the customer's right on the account (requirement: auto approval). */
  readonly automatic: boolean;
  readonly requestMessage: string;
  /** Unsigned 32-bit, ascending, each once. */
  readonly linkIds: number[];
  /** Compared, never stored. */
  readonly provisioningState: unknown;
}

/**
 * Reads NRP's document: exactly one of the two connection lists, group id `fhir`, link ids in canonical form.
 *
 * @throws ArmError InvalidRequestContent
 */
export function readProxyRequest(body: ProxyBody): ProxyRequest {
  const endpoint = body.remotePrivateEndpoint ?? body.properties?.remotePrivateEndpoint;
  if (endpoint === undefined) throw invalid("The body lacks 'remotePrivateEndpoint'.", "remotePrivateEndpoint");
  const automatic = endpoint.privateLinkServiceConnections ?? [];
  const manual = endpoint.manualPrivateLinkServiceConnections ?? [];
  if ((automatic.length === 0) === (manual.length === 0)) {
    throw invalid(
      "Exactly one of 'privateLinkServiceConnections' and 'manualPrivateLinkServiceConnections' must have connections.",
      "remotePrivateEndpoint",
    );
  }
  const connections = [...automatic, ...manual];
  for (const connection of connections) checkGroups(connection.groupIds);
  return {
    endpoint,
    automatic: automatic.length > 0,
    requestMessage: connections[0]?.requestMessage ?? "",
    linkIds: readLinkIds(endpoint),
    provisioningState: body.properties?.provisioningState,
  };
}

function checkGroups(groupIds: readonly string[]): void {
  const [groupId] = groupIds;
  if (groupIds.length !== 1 || groupId?.toLowerCase() !== GROUP_ID) {
    throw invalid(`'groupIds' must be exactly ["${GROUP_ID}"].`, "groupIds");
  }
}

/** Canonical decimal, 1 to 4294967295: no sign, no leading zero, so that two texts never mean one link. */
function readLinkIds(endpoint: RemotePrivateEndpoint): number[] {
  const texts = (endpoint.connectionDetails ?? []).flatMap(detail => detail.linkIdentifier ?? []);
  const ids = texts.map(text => {
    if (!/^[1-9]\d{0,9}$/.test(text) || Number(text) > 0xffffffff) {
      throw invalid(`'linkIdentifier' must be a decimal number from 1 to 4294967295, not '${text}'.`, "linkIdentifier");
    }
    return Number(text);
  });
  return [...new Set(ids)].sort((a, b) => a - b);
}

function invalid(message: string, target: string): ArmError {
  return new ArmError("InvalidRequestContent", message, target);
}
