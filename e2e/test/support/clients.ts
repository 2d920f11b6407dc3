import { readFileSync } from "node:fs";
import { HealthcareApisManagementClient } from "@azure/arm-healthcareapis";
import { NetworkManagementClient } from "@azure/arm-network";
import { ClientSecretCredential } from "@azure/identity";
import type { StackDescription } from "./stack.ts";

/** The official clients, pointed at the stack's ARM and signed in as one of its clients. */
export interface AzureClients {
  network: NetworkManagementClient;
  health: HealthcareApisManagementClient;
}

/** Signs in by client credentials, as automation does. `name` is a key of `arm.clients` in `stack.json`. */
export function signIn(stack: StackDescription, name: string): AzureClients {
  const client = stack.arm.clients[name];
  if (client === undefined) throw new Error(`stack.json has no client "${name}"`);
  const tlsOptions = { ca: readFileSync(stack.arm.caFile, "utf8") };
  const credential = new ClientSecretCredential(stack.arm.tenantId, client.clientId, client.clientSecret, {
    authorityHost: new URL(stack.arm.authority).origin,
    disableInstanceDiscovery: true,
    tlsOptions,
  });
  const options = { endpoint: stack.arm.url, credentialScopes: [`${stack.arm.url}/.default`], tlsOptions };
  return {
    network: new NetworkManagementClient(credential, stack.arm.subscriptionId, {
      ...options,
      credentials: { scopes: options.credentialScopes },
    }),
    health: new HealthcareApisManagementClient(credential, stack.arm.subscriptionId, options),
  };
}
