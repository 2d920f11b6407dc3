import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { ArmError } from "../arm/errors.ts";
import { GROUP_ID } from "../connections/link-resources.ts";

/** Link ids one endpoint may have; the feed carries them all. */
const MAX_DETAILS = 32;

/** One connection that the endpoint asks for. Network's own limit of a message is 140 characters; twice that is let pass. */
const ServiceConnection = Type.Object({
  name: Type.Optional(Type.String({ maxLength: 260 })),
  groupIds: Type.Array(Type.String()),
  requestMessage: Type.Optional(Type.Union([Type.String({ maxLength: 280 }), Type.Null()])),
});

const RemotePrivateEndpoint = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 2048, pattern: "^/" }),
  immutableResourceId: Type.Optional(Type.String({ maxLength: 2048 })),
  privateLinkServiceConnections: Type.Optional(Type.Array(ServiceConnection)),
  manualPrivateLinkServiceConnections: Type.Optional(Type.Array(ServiceConnection)),
  privateLinkServiceProxies: Type.Optional(
    Type.Array(Type.Object({ id: Type.Optional(Type.String()) }), { maxItems: MAX_DETAILS }),
  ),
  connectionDetails: Type.Optional(
    Type.Array(Type.Object({ linkIdentifier: Type.Optional(Type.String()) }), { maxItems: MAX_DETAILS }),
  ),
});

/** NRP's document of a private endpoint (arm-contract 1.2); the payload at the top or under `properties` (design 5). */
const ProxyBody = Type.Object({
  remotePrivateEndpoint: Type.Optional(RemotePrivateEndpoint),
  properties: Type.Optional(
    Type.Object({
      remotePrivateEndpoint: Type.Optional(RemotePrivateEndpoint),
      provisioningState: Type.Optional(Type.String()),
    }),
  ),
});

export type RemotePrivateEndpoint = Static<typeof RemotePrivateEndpoint>;
export type ProxyBody = Static<typeof ProxyBody>;

export const proxyBody = Compile(ProxyBody);

/** What the registry takes from NRP's document. */
export interface ProxyRequest {
  readonly endpoint: RemotePrivateEndpoint;
  /** Approved at once: ARM has checked the customer's right on the account (requirement: auto approval). */
  readonly automatic: boolean;
  readonly requestMessage: string;
  /** Unsigned 32-bit, ascending, each once. */
  readonly linkIds: number[];
  readonly provisioningState: string | undefined;
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
