import type { FastifyInstance } from "fastify";
import { ArmError } from "./errors.ts";

/**
 * The router's options (ARM RPC: every name in the URL is compared without regard to case, provider and type segments
 * too). Parameters keep the caller's casing. A proxy's name is a private endpoint's (80) and a guid (36) and a dot.
 */
export const ROUTER_OPTIONS = { caseSensitive: false, maxParamLength: 260 } as const;

export const PROVIDER = "Microsoft.HealthcareApis";

/** The resource types served; `workspaces` would be a second row. */
export const ACCOUNT_TYPE = "services";

export const SUBSCRIPTION_PATH = "/subscriptions/:subscriptionId";
export const GROUP_ACCOUNTS_PATH = `${SUBSCRIPTION_PATH}/resourceGroups/:resourceGroup/providers/${PROVIDER}/${ACCOUNT_TYPE}`;
export const SUBSCRIPTION_ACCOUNTS_PATH = `${SUBSCRIPTION_PATH}/providers/${PROVIDER}/${ACCOUNT_TYPE}`;
export const ACCOUNT_PATH = `${GROUP_ACCOUNTS_PATH}/:account`;
export const CONNECTIONS_PATH = `${ACCOUNT_PATH}/privateEndpointConnections`;
export const PROXIES_PATH = `${ACCOUNT_PATH}/privateEndpointConnectionProxies`;
export const LINK_RESOURCES_PATH = `${ACCOUNT_PATH}/privateLinkResources`;
export const OPERATION_RESULT_PATH = `${SUBSCRIPTION_PATH}/providers/${PROVIDER}/locations/:location/operationresults/:operation`;

/** The parameters of an account's path, in the caller's casing. */
export interface AccountPath {
  subscriptionId: string;
  resourceGroup: string;
  account: string;
}

/** The parameters of a path below an account. */
export interface ChildPath extends AccountPath {
  name: string;
}

/** What no segment may contain, whether written plainly or percent-encoded; PostgreSQL's text can't hold a nul. */
const UNUSABLE = /[\p{Cc}\\/?#%]/u;

/** Refuses path segments that no resource can have, in one place, before anything looks them up. */
export function registerPathChecks(app: FastifyInstance): void {
  app.addHook("onRequest", async request => {
    for (const [name, value] of Object.entries(request.params as Record<string, string>)) {
      // `*` is all of a path that nobody knows.
      if (name !== "*" && (value === "" || UNUSABLE.test(value))) {
        throw new ArmError(
          "ResourceNotFound",
          "The path names no resource: a segment is empty or has unusable characters.",
        );
      }
    }
  });
}

/** Where an account is, in the casing of whoever put it there. */
export interface AccountIdParts {
  subscription_id: string;
  resource_group: string;
  name: string;
}

/** The ARM id of an account: a path without host, never percent-encoded (ARM RPC). */
export function accountId(account: AccountIdParts): string {
  return `/subscriptions/${account.subscription_id}/resourceGroups/${account.resource_group}/providers/${PROVIDER}/${ACCOUNT_TYPE}/${account.name}`;
}

/** The ARM id that a request's path names, for messages about what is not there. */
export function requestedAccountId(path: AccountPath): string {
  return accountId({ subscription_id: path.subscriptionId, resource_group: path.resourceGroup, name: path.account });
}

/** Equality of names in ARM: without regard to case. */
export function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
