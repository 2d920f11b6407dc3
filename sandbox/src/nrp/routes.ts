import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { armErrors } from "../arm/errors.ts";
import { readJson } from "../arm/json-body.ts";
import { nameAction } from "../arm/resource-path.ts";
import { type Endpoint, type Endpoints, type EndpointWish, readEndpointWish, showEndpoint } from "./endpoints.ts";
import { composeLinkAddress, composeLinkTlv } from "./links.ts";
import { NetworkProvider } from "./nrp.ts";
import { type Operation, Operations } from "./operations.ts";
import type { ProviderClient } from "./provider-client.ts";
import { proxyRoutes } from "./proxy-routes.ts";

export interface NrpOptions {
  armUrl: string;
  endpoints: Endpoints;
  provider: ProviderClient;
}

interface Params {
  subscription: string;
  group: string;
  name: string;
  id: string;
}

const approval = "Microsoft.HealthcareApis/services/privateEndpointConnectionsApproval/action";
const readEndpoint = "Microsoft.Network/privateEndpoints/read";
const retryAfter = "1";

/** `Microsoft.Network/privateEndpoints` with its operations, and a window into it that Azure does not have. */
export async function nrpRoutes(app: FastifyInstance, options: NrpOptions): Promise<void> {
  const { endpoints } = options;
  const operations = new Operations();
  const network = new NetworkProvider(options.provider);
  const subscription = "/subscriptions/:subscription";
  const collection = `${subscription}/resourcegroups/:group/providers/Microsoft.Network/privateEndpoints`;
  const locations = `${subscription}/providers/Microsoft.Network/locations/:location`;
  await app.register(proxyRoutes, { endpoints });
  app.addHook("onClose", async () => {
    await options.provider.close();
    await operations.settle();
  });

  const operationUrl = (request: FastifyRequest, operation: Operation, kind: string): string => {
    const base = `${options.armUrl}/subscriptions/${request.arm.path.subscriptionId}/providers/Microsoft.Network`;
    return `${base}/locations/${operation.location}/${kind}/${operation.id}?api-version=${request.arm.apiVersion}`;
  };
  const announce = (request: FastifyRequest, reply: FastifyReply, operation: Operation): FastifyReply =>
    reply.headers({
      "azure-asyncoperation": operationUrl(request, operation, "operations"),
      "retry-after": retryAfter,
    });

  app.put<{ Params: Params }>(`${collection}/:name`, (request, reply) => {
    const { correlationId } = request.arm;
    const { name } = request.params;
    const wish = readEndpointWish(readJson(request.body));
    if (!/^[a-z0-9]([\w.-]{0,78}\w)?$/i.test(name)) {
      throw armErrors.badContent(`The name '${name}' is not one for a private endpoint.`);
    }
    const id = endpointId(request.params);
    checkApproval(request, wish);
    const busy = endpoints.find(id);
    if (busy && isBusy(busy)) throw armErrors.busy();
    const { endpoint, created } = endpoints.put(id, name, wish);
    endpoint.provisioningState = "Updating";
    const location = normalizeLocation(endpoint.location);
    const shown = showEndpoint(endpoint);
    const operation = operations.start(location, () => network.connect(endpoint, correlationId));
    return announce(request, reply, operation)
      .code(created ? 201 : 200)
      .send(shown);
  });

  app.get<{ Params: Params }>(`${collection}/:name`, async request => {
    const endpoint = find(endpoints, request);
    await network.refresh(endpoint, request.arm.correlationId);
    return showEndpoint(endpoint);
  });

  const list = async (request: FastifyRequest, scope: string): Promise<{ value: unknown[] }> => {
    const found = endpoints.list(scope).filter(one => request.arm.may(readEndpoint, one.id));
    await Promise.all(found.map(endpoint => network.refresh(endpoint, request.arm.correlationId)));
    return { value: found.map(showEndpoint) };
  };
  app.get<{ Params: Params }>(collection, request =>
    list(request, `/subscriptions/${request.params.subscription}/resourceGroups/${request.params.group}`),
  );
  app.get<{ Params: Params }>(`${subscription}/providers/Microsoft.Network/privateEndpoints`, request =>
    list(request, `/subscriptions/${request.params.subscription}`),
  );

  app.delete<{ Params: Params }>(`${collection}/:name`, (request, reply) => {
    const endpoint = endpoints.find(endpointId(request.params));
    if (!endpoint) return reply.code(204).send();
    if (isBusy(endpoint)) throw armErrors.busy();
    endpoint.provisioningState = "Deleting";
    const { correlationId } = request.arm;
    const operation = operations.start(normalizeLocation(endpoint.location), async () => {
      await network.disconnect(endpoint, correlationId);
      endpoints.remove(endpoint.id);
    });
    return announce(request, reply, operation)
      .header("location", operationUrl(request, operation, "operationResults"))
      .code(202)
      .send();
  });

  app.get<{ Params: Params }>(`${locations}/operations/:id`, (request, reply) => {
    const operation = operations.find(request.params.id);
    if (!operation) throw armErrors.noOperation(request.params.id);
    if (operation.status === "InProgress") reply.header("retry-after", retryAfter);
    return reply.send({ status: operation.status, ...(operation.error ? { error: operation.error } : {}) });
  });
  app.get<{ Params: Params }>(`${locations}/operationResults/:id`, (request, reply) => {
    const operation = operations.find(request.params.id);
    if (!operation) throw armErrors.noOperation(request.params.id);
    if (operation.status === "InProgress") {
      return announce(request, reply, operation)
        .header("location", operationUrl(request, operation, "operationResults"))
        .code(202)
        .send();
    }
    if (operation.error) return reply.code(500).send({ error: operation.error });
    return reply.code(204).send();
  });

  // Azure has nothing like it: who would be a client of an endpoint has to know the address that its link gives it.
  app.get<{ Params: Params }>(`${collection}/:name/sandboxLinks`, request => {
    const endpoint = find(endpoints, request);
    const { vnetTag, subnet, clientAddress: privateAddress } = endpoint;
    return {
      value: endpoint.connections.flatMap(({ name, proxyName, linkId }) =>
        linkId === null
          ? []
          : {
              name,
              privateEndpointConnection: proxyName,
              linkIdentifier: String(linkId),
              privateAddress,
              linkAddress: composeLinkAddress({ linkId, vnetTag, subnet, privateAddress }),
              proxyProtocolTlv: composeLinkTlv(linkId),
            },
      ),
    };
  });
}

/** Auto approval is for those who may approve at the account; ARM asks before NRP hears of it (requirement, Approval workflow). */
function checkApproval(request: FastifyRequest, wish: EndpointWish): void {
  const { caller, path, may } = request.arm;
  for (const connection of wish.connections.filter(one => !one.manual)) {
    if (may(approval, connection.targetId)) continue;
    throw armErrors.linkNotAllowed(caller, nameAction(request.method, path), path.id, approval, connection.targetId);
  }
}

function find(endpoints: Endpoints, request: FastifyRequest<{ Params: Params }>): Endpoint {
  const { group, name } = request.params;
  const endpoint = endpoints.find(endpointId(request.params));
  if (!endpoint) throw armErrors.noResource(`Microsoft.Network/privateEndpoints/${name}`, group);
  return endpoint;
}

function endpointId({ subscription, group, name }: Params): string {
  return `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Network/privateEndpoints/${name}`;
}

function isBusy(endpoint: Endpoint): boolean {
  return endpoint.provisioningState === "Updating" || endpoint.provisioningState === "Deleting";
}

/** `West US 2` and `westus2` are one location; URLs use the second. */
function normalizeLocation(location: string): string {
  return location.toLowerCase().replaceAll(" ", "");
}
