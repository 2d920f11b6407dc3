import { AccessControl } from "./arm/access-control.ts";
import { type Arm, startArm } from "./arm/arm.ts";
import { healthcareApisRoutes } from "./arm/healthcare-apis-routes.ts";
import { createProviderHop, type ProviderHop } from "./arm/provider-hop.ts";
import { ResourceGroups } from "./arm/resource-groups.ts";
import { sameName } from "./arm/resource-path.ts";
import { announceSubscription, createSubscription, sandboxStateRoutes } from "./arm/subscriptions.ts";
import { type Application, adminAudience, nrpAppId, subscriptionId, tenantId } from "./authority/applications.ts";
import type { Authority } from "./authority/authority.ts";
import type { Person } from "./authority/people.ts";
import type { Certificates } from "./certificates.ts";
import type { FhirServices } from "./fhir/services.ts";
import { createCustomerWrite } from "./nrp/customer-write.ts";
import { Endpoints } from "./nrp/endpoints.ts";
import { createProviderClient } from "./nrp/provider-client.ts";
import { nrpRoutes } from "./nrp/routes.ts";
import { createTokenSource } from "./token-source.ts";

export const resourceGroup = "linkgate";
export const location = "westus2";

/** ARM with NRP and the provider behind it. */
export interface Azure extends Arm {
  /** Tells the provider of the subscription, as soon as it can hear it. */
  announce(): Promise<void>;
}

export interface AzureOptions {
  certificates: Certificates;
  applications: readonly Application[];
  people: readonly Person[];
  authority: Authority;
  fhir: FhirServices;
  /** Base URL of the api's listener for ARM. */
  providerUrl(): string;
  /** Whether a customer's own writes of connections go to the provider as they are, rather than through NRP. */
  customerWrites?: boolean;
}

/** Starts ARM with NRP and the provider behind it, one subscription and one resource group. */
export async function startAzure(options: AzureOptions): Promise<Azure> {
  const { certificates, authority, applications, people, fhir } = options;
  const groups = new ResourceGroups();
  groups.put(subscriptionId, resourceGroup, location);
  const nrp = applications.find(one => one.clientId === nrpAppId);
  if (!nrp) throw new Error("The sandbox has no application for NRP.");
  authority.addAudience({ name: adminAudience, appRoles: true });
  const access = new AccessControl(tenantId);
  for (const { objectId, grants } of applications) access.grant(objectId, "ServicePrincipal", grants);
  for (const { objectId, grants } of people) access.grant(objectId, "User", grants);
  const subscription = createSubscription(subscriptionId, "Linkgate sandbox", tenantId);
  let hop!: ProviderHop;
  const arm = await startArm(
    {
      server: certificates.server,
      tokens: { issuer: authority.issuer, keys: authority.keys },
      access,
      findPrincipal: id => {
        if (applications.some(one => sameName(one.objectId, id))) return "ServicePrincipal";
        return people.some(one => sameName(one.objectId, id)) ? "User" : undefined;
      },
      authorityUrl: authority.url,
      tenantId,
      subscriptions: [subscription],
      groups,
    },
    async ({ app, url }) => {
      authority.addAudience({ name: url, appRoles: false });
      hop = createProviderHop({
        armUrl: url,
        providerUrl: options.providerUrl,
        ca: certificates.ca,
        identity: certificates.arm,
      });
      const token = createTokenSource({ authority, ca: certificates.ca, application: nrp, resource: url });
      const provider = createProviderClient({ armUrl: url, ca: certificates.ca, token: token.get });
      const endpoints = new Endpoints();
      await app.register(healthcareApisRoutes, {
        hop,
        nrpAppId,
        watcher: { appeared: account => fhir.start(account), vanished: account => fhir.stop(account) },
        ...(options.customerWrites ? {} : { customerWrite: createCustomerWrite(provider, endpoints) }),
      });
      await app.register(sandboxStateRoutes, { hop, subscriptions: [subscription] });
      await app.register(nrpRoutes, { armUrl: url, provider, endpoints });
      app.addHook("onClose", async () => {
        await token.close();
        await hop.close();
      });
    },
  );
  return { ...arm, announce: () => announceSubscription(hop, subscription) };
}
