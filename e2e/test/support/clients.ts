import { readFileSync } from "node:fs";
import { AuthorizationManagementClient } from "@azure/arm-authorization";
import { DeviceUpdate } from "@azure/arm-deviceupdate";
import { HealthcareApisManagementClient } from "@azure/arm-healthcareapis";
import { NetworkManagementClient } from "@azure/arm-network";
import { ClientSecretCredential } from "@azure/identity";
import type { StackDescription } from "./stack.ts";

/** The official clients, pointed at the stack's ARM and signed in as one of its clients. */
export interface AzureClients {
  network: NetworkManagementClient;
  health: HealthcareApisManagementClient;
  authorization: AuthorizationManagementClient;
}

/**
 * Signs in by client credentials, as automation does.
 *
 * @param name a key of `arm.clients` in `stack.json`
 * @param apiVersion of the account's type; the client's own default unless given
 */
export function signIn(stack: StackDescription, name: string, apiVersion?: string): AzureClients {
  const client = stack.arm.clients[name];
  if (client === undefined) throw new Error(`stack.json has no client "${name}"`);
  const { credential, subscriptionId, options } = connect(stack, client);
  return {
    network: new NetworkManagementClient(credential, subscriptionId, {
      ...options,
      credentials: { scopes: options.credentialScopes },
    }),
    health: new HealthcareApisManagementClient(credential, subscriptionId, {
      ...options,
      ...(apiVersion === undefined ? {} : { apiVersion }),
    }),
    authorization: new AuthorizationManagementClient(credential, subscriptionId, options),
  };
}

/**
 * The client of another service whose proxies have the same contract; the path of each request is rewritten to an
 * account of ours. No client for our own proxies is published, for only NRP calls them.
 */
export function signInForProxies(
  stack: StackDescription,
  client: { clientId: string; clientSecret: string },
): DeviceUpdate {
  const { credential, subscriptionId, options } = connect(stack, client);
  return new DeviceUpdate(credential, subscriptionId, {
    ...options,
    apiVersion: "2020-03-30",
    additionalPolicies: [
      {
        position: "perCall",
        policy: {
          name: "accountOfOurs",
          sendRequest(request, next) {
            request.url = request.url.replace(
              "/Microsoft.DeviceUpdate/accounts/",
              "/Microsoft.HealthcareApis/services/",
            );
            return next(request);
          },
        },
      },
    ],
  });
}

function connect(stack: StackDescription, client: { clientId: string; clientSecret: string }) {
  const { url, caFile, authority, tenantId, subscriptionId } = stack.arm;
  const tlsOptions = { ca: readFileSync(caFile, "utf8") };
  const credential = new ClientSecretCredential(tenantId, client.clientId, client.clientSecret, {
    authorityHost: new URL(authority).origin,
    disableInstanceDiscovery: true,
    tlsOptions,
  });
  return { credential, subscriptionId, options: { endpoint: url, credentialScopes: [`${url}/.default`], tlsOptions } };
}
