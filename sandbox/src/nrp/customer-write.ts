import type { CustomerWrite } from "../arm/healthcare-apis-routes.ts";
import type { ConnectionState, Endpoints } from "./endpoints.ts";
import { disconnected } from "./nrp.ts";
import type { ProviderClient } from "./provider-client.ts";

/**
 * Does a customer's write of a connection in the customer's place (clients.md, decision 1): NRP calls the provider, and
 * remembers what came of it.
 */
export function createCustomerWrite(provider: ProviderClient, endpoints: Endpoints): CustomerWrite {
  return async request => {
    const answer = await provider.send(request);
    const [, account = "", name = ""] = /^(.*)\/privateEndpointConnections\/([^/?]+)/i.exec(request.target) ?? [];
    const found = endpoints
      .listByAccount(decodeURIComponent(account))
      .find(({ connection }) => connection.proxyName.toLowerCase() === decodeURIComponent(name).toLowerCase());
    if (found === undefined || answer.status >= 300) return answer;
    const state = request.method === "DELETE" ? disconnected : readState(answer.body.toString("utf8"));
    if (state) endpoints.record(found.connection, state);
    return answer;
  };
}

/** The state in a provider's document of a connection. */
function readState(text: string): ConnectionState | undefined {
  const document = JSON.parse(text) as {
    properties?: { privateLinkServiceConnectionState?: Partial<ConnectionState> };
  };
  const {
    status,
    description = "",
    actionsRequired = "None",
  } = document.properties?.privateLinkServiceConnectionState ?? {};
  return status === undefined ? undefined : { status, description, actionsRequired };
}
