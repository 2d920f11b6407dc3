import type { ConnectionState, Endpoint, EndpointConnection } from "./endpoints.ts";
import { LinkPool } from "./links.ts";
import { OperationFailure } from "./operations.ts";
import type { ProviderClient } from "./provider-client.ts";
import { composeProxyBody, readProxyState } from "./proxy-body.ts";

export const disconnected: ConnectionState = {
  status: "Disconnected",
  description: "The private link resource is gone.",
  actionsRequired: "None",
};

/** NRP's dealings with the resource provider: validate, PUT and DELETE of proxies, and the states that come back. */
export class NetworkProvider {
  readonly #links = new LinkPool();
  readonly #provider: ProviderClient;

  constructor(provider: ProviderClient) {
    this.#provider = provider;
  }

  /**
   * Asks for every connection of the endpoint: validate, then PUT with the link id.
   *
   * @throws OperationFailure with the provider's text; the endpoint is then Failed, and may be PUT again or deleted.
   */
  async connect(endpoint: Endpoint, correlationId: string): Promise<void> {
    try {
      for (const connection of endpoint.connections) {
        const resourceId = proxyId(connection);
        await this.#provider.call({
          method: "POST",
          resourceId: `${resourceId}/validate`,
          body: composeProxyBody(endpoint, connection),
          correlationId,
        });
        connection.linkId ??= this.#links.take();
        const body = composeProxyBody(endpoint, connection);
        const answer = await this.#provider.call({ method: "PUT", resourceId, body, correlationId });
        const told = readProxyState(answer);
        Object.assign(connection, told);
        if (told) connection.recorded = told.state;
      }
      endpoint.provisioningState = "Succeeded";
    } catch (error) {
      endpoint.provisioningState = "Failed";
      throw error;
    }
  }

  /**
   * Takes every connection of the endpoint back. A link id is free for the next endpoint as soon as the provider says
   * that the deletion has completed, and not before.
   */
  async disconnect(endpoint: Endpoint, correlationId: string): Promise<void> {
    try {
      for (const connection of endpoint.connections) {
        await this.#provider.call({ method: "DELETE", resourceId: proxyId(connection), correlationId });
        if (connection.linkId !== null) this.#links.free(connection.linkId);
        connection.linkId = null;
      }
    } catch (error) {
      endpoint.provisioningState = "Failed";
      throw error;
    }
  }

  /** Asks the provider what became of each connection; keeps the last answer where it can't be reached. */
  async refresh(endpoint: Endpoint, correlationId: string): Promise<void> {
    if (endpoint.provisioningState !== "Succeeded") return;
    for (const connection of endpoint.connections) {
      const answer = await this.#provider.send({
        method: "GET",
        target: `${encodeURI(proxyId(connection))}?api-version=2020-03-30`,
        correlationId,
      });
      if (answer.status === 404) connection.state = disconnected;
      if (answer.status === 200) Object.assign(connection, readProxyState(JSON.parse(answer.body.toString("utf8"))));
    }
  }
}

function proxyId(connection: EndpointConnection): string {
  if (connection.proxyName.includes("/")) throw new OperationFailure("InvalidResourceName", "The name is invalid.");
  return `${connection.targetId}/privateEndpointConnectionProxies/${connection.proxyName}`;
}
