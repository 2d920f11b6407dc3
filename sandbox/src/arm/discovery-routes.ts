import type { FastifyInstance } from "fastify";
import type { AccessControl } from "./access-control.ts";
import { armErrors } from "./errors.ts";
import { sameName } from "./resource-path.ts";
import { type Subscription, showRegistration, showSubscription } from "./subscriptions.ts";

export interface DiscoveryOptions {
  url: string;
  authorityUrl: string;
  tenantId: string;
  access: AccessControl;
  subscriptions: readonly Subscription[];
}

const locations = ["West US 2", "North Europe"];
const providers = [
  {
    namespace: "Microsoft.HealthcareApis",
    types: [
      "services",
      "services/privateEndpointConnections",
      "services/privateEndpointConnectionProxies",
      "services/privateLinkResources",
      "locations",
      "locations/operationresults",
      "operations",
    ],
    // Every stable version since private link (clients.md, decision 4).
    apiVersions: [
      "2024-03-31",
      "2024-03-01",
      "2023-12-01",
      "2023-11-01",
      "2023-09-06",
      "2023-02-28",
      "2022-12-01",
      "2022-05-15",
      "2021-11-01",
      "2021-01-11",
      "2020-03-30",
    ],
  },
  {
    namespace: "Microsoft.Network",
    types: ["privateEndpoints", "locations", "locations/operations", "locations/operationResults"],
    apiVersions: ["2026-03-01", "2026-01-01", "2025-05-01", "2024-05-01"],
  },
] as const;

/** What clients ask before they do anything: the cloud's endpoints, subscriptions and providers. */
export async function discoveryRoutes(app: FastifyInstance, options: DiscoveryOptions): Promise<void> {
  const find = (id: string): Subscription => {
    const found = options.subscriptions.find(one => sameName(one.id, id));
    if (!found) throw armErrors.noSubscription(id);
    return found;
  };
  app.get("/metadata/endpoints", () => ({
    name: "LinkgateSandbox",
    authentication: {
      loginEndpoint: options.authorityUrl,
      audiences: [options.url],
      tenant: options.tenantId,
      identityProvider: "AAD",
    },
    resourceManager: options.url,
    suffixes: {},
  }));
  app.get("/subscriptions", request => ({
    value: options.subscriptions
      .filter(one => options.access.reaches(request.arm.caller.objectId, `/subscriptions/${one.id}`))
      .map(showSubscription),
  }));
  app.get<{ Params: { subscription: string } }>("/subscriptions/:subscription", request => {
    return showSubscription(find(request.params.subscription));
  });
  app.get<{ Params: { subscription: string } }>("/subscriptions/:subscription/providers", request => ({
    value: providers.map(one => showProvider(one, find(request.params.subscription))),
  }));
  app.get<{ Params: { subscription: string; namespace: string } }>(
    "/subscriptions/:subscription/providers/:namespace",
    request => {
      const { subscription, namespace } = request.params;
      const found = providers.find(one => sameName(one.namespace, namespace));
      if (!found) throw armErrors.noProvider(namespace);
      return showProvider(found, find(subscription));
    },
  );
}

function showProvider(provider: (typeof providers)[number], subscription: Subscription): Record<string, unknown> {
  return {
    id: `/subscriptions/${subscription.id}/providers/${provider.namespace}`,
    namespace: provider.namespace,
    registrationState: showRegistration(subscription),
    registrationPolicy: "RegistrationRequired",
    resourceTypes: provider.types.map(type => ({
      resourceType: type,
      locations: type.includes("locations") || type === "operations" ? [] : locations,
      apiVersions: provider.apiVersions,
    })),
  };
}
