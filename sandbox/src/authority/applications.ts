import { randomBytes } from "node:crypto";
import type { Grant } from "../arm/access-control.ts";

/** A service principal: an application that signs in with a secret. */
export interface Application {
  name: string;
  clientId: string;
  /** The principal's object id in the tenant, which ARM's messages name. */
  objectId: string;
  secret: string;
  /** What it may do at ARM from the start. */
  grants: Grant[];
  /** App roles that the api's admin audience finds in its tokens. */
  appRoles: string[];
  /** The audience it answers for, whose tokens it may exchange on behalf of their people. */
  audience?: string;
}

/** The sandbox's one tenant and subscription. Fixed, so that an id copied from one run means the same in the next. */
export const tenantId = "7e9a4c10-5d0b-4c56-9d52-0f0a1b2c3d4e";
export const subscriptionId = "3f1d6a52-8f1e-4a37-b0c4-5a6b7c8d9e0f";
/** The app id that the sandbox's NRP signs in with. Azure's own is not public: configuration everywhere else. */
export const nrpAppId = "9c2b1f44-6a0d-4d7b-8c31-2e4f5a6b7c8d";
/** The api's own identity at ARM. */
export const apiName = "resource-provider";
/** The api's registration at the authority: with it, it acts on behalf of people. */
export const apiRegistration = "linkgate-api";
/** The audience of the api's admin endpoints. */
export const adminAudience = "api://linkgate-admin";

/** The portal's registration: a single-page application, which has no secret. */
export const portalClientId = "b7d0c9e1-1111-4f6a-9a10-0000000000aa";

/** The applications of a new sandbox, each with a secret drawn now. */
export function createApplications(): Application[] {
  const subscription = `/subscriptions/${subscriptionId}`;
  return [
    create("owner", "b7d0c9e1-1111-4f6a-9a10-000000000006", [{ role: "Owner", scope: subscription }]),
    create("contributor", "b7d0c9e1-1111-4f6a-9a10-000000000001", [{ role: "Contributor", scope: subscription }]),
    create("network-contributor", "b7d0c9e1-1111-4f6a-9a10-000000000002", [
      { role: "Network Contributor", scope: subscription },
      { role: "Reader", scope: subscription },
    ]),
    create("reader", "b7d0c9e1-1111-4f6a-9a10-000000000003", [{ role: "Reader", scope: subscription }]),
    create("platform-engineer", "b7d0c9e1-1111-4f6a-9a10-000000000004", [], ["PlatformEngineer"]),
    create(apiName, "b7d0c9e1-1111-4f6a-9a10-000000000005", [{ role: "Private Link Resource Provider", scope: "/" }]),
    { ...create(apiRegistration, "b7d0c9e1-1111-4f6a-9a10-000000000007", []), audience: adminAudience },
    create("nrp", nrpAppId, [{ role: "Network Resource Provider", scope: "/" }]),
  ];
}

/** @throws Error where there is none of that name. */
export function findApplication(applications: readonly Application[], name: string): Application {
  const application = applications.find(one => one.name === name);
  if (!application) throw new Error(`The sandbox has no application ${name}.`);
  return application;
}

function create(name: string, clientId: string, grants: Grant[], appRoles: string[] = []): Application {
  return {
    name,
    clientId,
    objectId: `0b1ec700${clientId.slice(8)}`,
    // Hexadecimal: az takes a secret that begins with a hyphen for an option.
    secret: randomBytes(24).toString("hex"),
    grants,
    appRoles,
  };
}
