import { randomUUID } from "node:crypto";
import { armErrors } from "../arm/errors.ts";
import { parseResourcePath } from "../arm/resource-path.ts";
import { VirtualNetworks } from "./links.ts";

/** The state of a connection as its account's owner decided it. */
export interface ConnectionState {
  status: string;
  description: string;
  actionsRequired: string;
}

/** One connection of a private endpoint to one account. */
export interface EndpointConnection {
  name: string;
  /** True where the account's owner has to approve it. */
  manual: boolean;
  /** ARM id of the account. */
  targetId: string;
  groupIds: string[];
  requestMessage: string;
  /** `{peName}.{guid}`, the name of proxy and connection at the provider. */
  proxyName: string;
  /** Null until the first PUT at the provider, and after the deletion there. */
  linkId: number | null;
  /** What the provider said last; read again whenever somebody looks at the endpoint. */
  state: ConnectionState;
  /**
   * What NRP was told last, or has written itself. Unlike `state` it is not read from the provider again, so a provider
   * that was put back to an old state of things can compare itself with it.
   */
  recorded: ConnectionState;
  fqdns: string[];
}

/** A private endpoint. */
export interface Endpoint {
  id: string;
  name: string;
  location: string;
  tags: Record<string, string>;
  subnetId: string;
  /** What else the caller wrote under `properties`, shown again as it was. */
  extras: Record<string, unknown>;
  etag: string;
  resourceGuid: string;
  provisioningState: "Updating" | "Succeeded" | "Deleting" | "Failed";
  connections: EndpointConnection[];
  vnetTag: number;
  subnet: number;
  /** The endpoint's own address in its subnet. */
  privateIpAddress: string;
  /** A client in that subnet; it is this one that a link address carries (link-id.md A2). */
  clientAddress: string;
}

/** The wish in the body of a PUT. */
export interface EndpointWish {
  location: string;
  tags: Record<string, string>;
  subnetId: string;
  extras: Record<string, unknown>;
  connections: Pick<EndpointConnection, "name" | "manual" | "targetId" | "groupIds" | "requestMessage">[];
}

const providerType = "microsoft.healthcareapis/services";
const listNames = ["privateLinkServiceConnections", "manualPrivateLinkServiceConnections"] as const;
/** Shown again as they came; everything else in `properties` is NRP's own. */
const extraNames = ["ipVersionType", "customNetworkInterfaceName", "applicationSecurityGroups", "ipConfigurations"];

/**
 * Reads the body of `PUT Microsoft.Network/privateEndpoints/{name}`.
 *
 * @throws ArmError 400 for a body that no endpoint can be made from.
 */
export function readEndpointWish(body: Record<string, unknown>): EndpointWish {
  const properties = asObject(body.properties, "properties");
  if (typeof body.location !== "string" || body.location === "") {
    throw armErrors.badContent("The 'location' property is required for this definition.");
  }
  const subnetId = asText(asObject(properties.subnet, "properties.subnet").id, "properties.subnet.id");
  if (!/^\/subscriptions\/.+\/virtualNetworks\/[^/]+\/subnets\/[^/]+$/i.test(subnetId)) {
    throw armErrors.badContent("properties.subnet.id is not the id of a subnet.");
  }
  const connections = listNames.flatMap(list => {
    const items = properties[list] ?? [];
    if (!Array.isArray(items)) throw armErrors.badContent(`properties.${list} is not a list.`);
    return items.map((item, index) => readConnection(item, `properties.${list}[${index}]`, list.startsWith("manual")));
  });
  if (connections.length === 0) {
    throw armErrors.badContent("A private endpoint needs at least one private link service connection.");
  }
  if (new Set(connections.map(one => one.name.toLowerCase())).size < connections.length) {
    throw armErrors.badContent("Two private link service connections have the same name.");
  }
  return {
    location: body.location,
    tags: (body.tags ?? {}) as Record<string, string>,
    subnetId,
    extras: Object.fromEntries(extraNames.filter(key => key in properties).map(key => [key, properties[key]])),
    connections,
  };
}

function readConnection(item: unknown, where: string, manual: boolean): EndpointWish["connections"][number] {
  const connection = asObject(item, where);
  const properties = asObject(connection.properties, `${where}.properties`);
  const targetId = asText(properties.privateLinkServiceId, `${where}.properties.privateLinkServiceId`);
  if (!targetId.startsWith("/subscriptions/")) {
    throw armErrors.badContent(`${where}.properties.privateLinkServiceId is not the id of a resource.`);
  }
  const path = parseResourcePath(targetId);
  if ([path.namespace, ...path.types].join("/").toLowerCase() !== providerType || path.names.length !== 1) {
    throw armErrors.badContent(
      `The sandbox knows private link resources of type Microsoft.HealthcareApis/services only, not '${targetId}'.`,
    );
  }
  const groupIds = properties.groupIds ?? [];
  if (!Array.isArray(groupIds) || !groupIds.every(one => typeof one === "string")) {
    throw armErrors.badContent(`${where}.properties.groupIds is not a list of texts.`);
  }
  const requestMessage = properties.requestMessage ?? "";
  if (typeof requestMessage !== "string" || requestMessage.length > 140) {
    throw armErrors.badContent(`${where}.properties.requestMessage is longer than 140 characters.`);
  }
  return { name: asText(connection.name, `${where}.name`), manual, targetId, groupIds, requestMessage };
}

function asObject(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw armErrors.badContent(`${where} is missing or no object.`);
}

function asText(value: unknown, where: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw armErrors.badContent(`${where} is missing or no text.`);
}

const pending: ConnectionState = { status: "Pending", description: "", actionsRequired: "None" };

/** The private endpoints of all subscriptions, in memory. */
export class Endpoints {
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #networks = new VirtualNetworks();

  find(id: string): Endpoint | undefined {
    return this.#endpoints.get(id.toLowerCase());
  }

  /** @param scope Id of a subscription or a resource group. */
  list(scope: string): Endpoint[] {
    const prefix = `${scope.toLowerCase()}/`;
    return [...this.#endpoints].filter(([id]) => id.startsWith(prefix)).map(([, endpoint]) => endpoint);
  }

  /** The connections to an account, with their endpoints; only those that the provider has been told of. */
  listByAccount(accountId: string): { endpoint: Endpoint; connection: EndpointConnection }[] {
    return [...this.#endpoints.values()].flatMap(endpoint =>
      endpoint.connections
        .filter(one => one.linkId !== null && one.targetId.toLowerCase() === accountId.toLowerCase())
        .map(connection => ({ endpoint, connection })),
    );
  }

  /** Notes what has been decided about a connection. */
  record(connection: EndpointConnection, state: ConnectionState): void {
    connection.recorded = state;
    connection.state = state;
  }

  remove(id: string): void {
    this.#endpoints.delete(id.toLowerCase());
  }

  /**
   * Creates an endpoint, or gives an existing one a new wish. Connections keep name, guid and link id for life.
   *
   * @throws ArmError 400 where an existing endpoint would get other connections or another subnet.
   */
  put(id: string, name: string, wish: EndpointWish): { endpoint: Endpoint; created: boolean } {
    const known = this.find(id);
    if (known) {
      checkUnchanged(known, wish);
      for (const [index, connection] of known.connections.entries()) {
        connection.requestMessage = wish.connections[index]?.requestMessage ?? connection.requestMessage;
      }
      Object.assign(known, { tags: wish.tags, extras: wish.extras, etag: randomUUID() });
      return { endpoint: known, created: false };
    }
    const place = this.#networks.locate(wish.subnetId);
    const neighbours = [...this.#endpoints.values()].filter(one => one.vnetTag === place.vnetTag);
    const endpoint: Endpoint = {
      id,
      name,
      location: wish.location,
      tags: wish.tags,
      subnetId: wish.subnetId,
      extras: wish.extras,
      etag: randomUUID(),
      resourceGuid: randomUUID(),
      provisioningState: "Updating",
      connections: wish.connections.map(connection => ({
        ...connection,
        proxyName: `${name}.${randomUUID()}`,
        linkId: null,
        state: pending,
        recorded: pending,
        fqdns: [],
      })),
      ...place,
      // Azure keeps the first four addresses of a subnet for itself.
      clientAddress: `10.1.${place.subnet}.4`,
      privateIpAddress: `10.1.${place.subnet}.${5 + (neighbours.length % 250)}`,
    };
    this.#endpoints.set(id.toLowerCase(), endpoint);
    return { endpoint, created: true };
  }
}

function checkUnchanged(known: Endpoint, wish: EndpointWish): void {
  const describe = (one: EndpointWish["connections"][number]): string =>
    [one.name, one.manual, one.targetId, ...one.groupIds].join("\n").toLowerCase();
  const same =
    known.location.toLowerCase() === wish.location.toLowerCase() &&
    known.subnetId.toLowerCase() === wish.subnetId.toLowerCase() &&
    known.connections.length === wish.connections.length &&
    known.connections.every((connection, index) => {
      const wished = wish.connections[index];
      return wished !== undefined && describe(connection) === describe(wished);
    });
  if (!same) {
    throw armErrors.badContent(
      "Location, subnet and connections of an existing private endpoint cannot be changed; delete it and create it anew.",
    );
  }
}

/** The endpoint as NRP shows it. */
export function showEndpoint(endpoint: Endpoint): Record<string, unknown> {
  const show = (connection: EndpointConnection): Record<string, unknown> => {
    const list = listNames[connection.manual ? 1 : 0];
    return {
      name: connection.name,
      id: `${endpoint.id}/${list}/${connection.name}`,
      etag: `W/"${endpoint.etag}"`,
      type: `Microsoft.Network/privateEndpoints/${list}`,
      properties: {
        provisioningState: endpoint.provisioningState,
        privateLinkServiceId: connection.targetId,
        groupIds: connection.groupIds,
        ...(connection.requestMessage === "" ? {} : { requestMessage: connection.requestMessage }),
        privateLinkServiceConnectionState: connection.state,
      },
    };
  };
  return {
    name: endpoint.name,
    id: endpoint.id,
    etag: `W/"${endpoint.etag}"`,
    type: "Microsoft.Network/privateEndpoints",
    location: endpoint.location,
    tags: endpoint.tags,
    properties: {
      ...endpoint.extras,
      provisioningState: endpoint.provisioningState,
      resourceGuid: endpoint.resourceGuid,
      privateLinkServiceConnections: endpoint.connections.filter(one => !one.manual).map(show),
      manualPrivateLinkServiceConnections: endpoint.connections.filter(one => one.manual).map(show),
      subnet: { id: endpoint.subnetId },
      networkInterfaces: [],
      customDnsConfigs: endpoint.connections
        .flatMap(connection => connection.fqdns)
        .map(fqdn => ({ fqdn, ipAddresses: [endpoint.privateIpAddress] })),
    },
  };
}
