import type { FastifyInstance } from "fastify";
import { armErrors } from "../arm/errors.ts";
import { readJson } from "../arm/json-body.ts";
import type { ConnectionState, Endpoint, EndpointConnection, Endpoints } from "./endpoints.ts";

interface Params {
  subscription: string;
  group: string;
  name: string;
  proxy: string;
}

/** One connection of an endpoint, and the endpoint. */
export interface Place {
  endpoint: Endpoint;
  connection: EndpointConnection;
}

/**
 * What a resource provider may read and write at NRP: `Microsoft.Network/privateEndpoints/privateLinkServiceProxies`
 * (ARM contract 5). The permission is public, the shape is not: this one is made of the public members of NRP's
 * documents, and api/src/nrp/client.ts is its only reader.
 */
export async function proxyRoutes(app: FastifyInstance, { endpoints }: { endpoints: Endpoints }): Promise<void> {
  const group = "/subscriptions/:subscription/resourcegroups/:group/providers";
  const one = `${group}/Microsoft.Network/privateEndpoints/:name/privateLinkServiceProxies/:proxy`;

  const find = ({ subscription, group: resourceGroup, name, proxy }: Params): Place => {
    const id = `/subscriptions/${subscription}/resourceGroups/${resourceGroup}/providers/Microsoft.Network/privateEndpoints/${name}`;
    const endpoint = endpoints.find(id);
    const connection = endpoint?.connections.find(it => it.proxyName.toLowerCase() === proxy.toLowerCase());
    if (endpoint === undefined || connection === undefined || connection.linkId === null) {
      const type = "Microsoft.Network/privateEndpoints/privateLinkServiceProxies";
      throw armErrors.noResource(`${type}/${name}/${proxy}`, resourceGroup);
    }
    return { endpoint, connection };
  };

  app.get<{ Params: Params }>(one, request => showProxy(find(request.params)));

  app.put<{ Params: Params }>(one, request => {
    const place = find(request.params);
    const { properties } = readJson(request.body) as { properties?: { [stateName]?: Partial<ConnectionState> } };
    const state = properties?.[stateName];
    if (state?.status === undefined || !tellable.includes(state.status)) {
      throw armErrors.badContent(`properties.${stateName}.status must be one of ${tellable.join(", ")}.`);
    }
    const { description = "", actionsRequired = "None" } = state;
    endpoints.record(place.connection, { status: state.status, description, actionsRequired });
    return showProxy(place);
  });

  // As an extension of the account, so that who may read the account's side of it needs no right at each endpoint.
  app.get<{ Params: Params }>(
    `${group}/Microsoft.HealthcareApis/services/:name/providers/Microsoft.Network/privateLinkServiceProxies`,
    request => {
      const { subscription, group: resourceGroup, name } = request.params;
      const account = `/subscriptions/${subscription}/resourceGroups/${resourceGroup}/providers/Microsoft.HealthcareApis/services/${name}`;
      return { value: endpoints.listByAccount(account).map(showProxy) };
    },
  );
}

/** What a provider may say: that its own side is gone, or what a customer has decided there without NRP. */
const tellable = ["Approved", "Rejected", "Disconnected"];
const stateName = "remotePrivateLinkServiceConnectionState";

function showProxy({ endpoint, connection }: Place): Record<string, unknown> {
  return {
    id: `${endpoint.id}/privateLinkServiceProxies/${connection.proxyName}`,
    name: connection.proxyName,
    type: "Microsoft.Network/privateEndpoints/privateLinkServiceProxies",
    properties: {
      provisioningState: endpoint.provisioningState,
      privateLinkServiceId: connection.targetId,
      remotePrivateEndpointConnection: {
        id: `${connection.targetId}/privateEndpointConnections/${connection.proxyName}`,
      },
      [stateName]: connection.recorded,
      connectionDetails: connection.groupIds.map(groupId => ({
        id: `${endpoint.id}/connectionDetails/${connection.proxyName}`,
        privateIpAddress: endpoint.privateIpAddress,
        linkIdentifier: String(connection.linkId),
        groupId,
        memberName: groupId,
      })),
    },
  };
}
