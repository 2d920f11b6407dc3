import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Certificate } from "../../test/support/certificates.ts";
import type { Random } from "../random.ts";

const TENANT = "00000000-0000-4000-8000-00000000000a";

/**
 * ARM with NRP behind it and the authority that signs the api in, over real HTTPS. It is as unreliable as the real ones:
 * now and then it refuses, or hangs up after it has understood.
 */
export class NrpDouble {
  /** Names of the proxies that were told to be disconnected, each with the connection's ARM id. */
  readonly told = new Map<string, string>();
  /** All calls, the refused and repeated ones too. */
  calls = 0;
  /** Set to check each name when it is told. */
  onTold: (name: string) => void = () => {};
  readonly #server: Server;
  readonly #random: Random;

  static async start(certificate: Certificate, random: Random): Promise<NrpDouble> {
    const nrp = new NrpDouble(certificate, random);
    nrp.#server.listen(0, "127.0.0.1");
    await once(nrp.#server, "listening");
    return nrp;
  }

  private constructor(certificate: Certificate, random: Random) {
    this.#random = random;
    this.#server = createServer(certificate, (request, response) => void this.#answer(request, response));
  }

  /** What the api's environment needs to reach it. */
  get env(): Record<string, string> {
    return {
      LINKGATE_ARM_URL: this.#url,
      AZURE_AUTHORITY_HOST: this.#url,
      AZURE_TENANT_ID: TENANT,
      AZURE_CLIENT_ID: "00000000-0000-4000-8000-00000000000b",
      AZURE_CLIENT_SECRET: "known to this double alone",
    };
  }

  get #url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += chunk;
    const path = new URL(request.url ?? "", this.#url).pathname;
    const send = (status: number, body: object): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (path.endsWith("/.well-known/openid-configuration")) return send(200, this.#metadata());
    if (path.endsWith("/token")) return send(200, { access_token: "nrp", token_type: "Bearer", expires_in: 3600 });
    const name = /\/privateLinkServiceProxies\/([\w.-]+)$/.exec(path)?.[1];
    if (request.method !== "PUT" || name === undefined || request.headers.authorization !== "Bearer nrp") {
      return send(400, { error: { code: "BadRequest", message: `${request.method} ${path}` } });
    }
    this.calls += 1;
    if (this.#random.chance(0.15)) return send(503, { error: { code: "ServerBusy", message: "not now" } });
    const { status } = JSON.parse(text).properties.remotePrivateLinkServiceConnectionState;
    if (status !== "Disconnected") return send(400, { error: { code: "BadRequest", message: text } });
    this.onTold(name);
    this.told.set(name, JSON.parse(text).properties.remotePrivateEndpointConnection.id);
    if (this.#random.chance(0.15)) return void response.destroy(); // it was understood, and nobody hears so
    send(200, {});
  }

  #metadata(): object {
    const tenant = `${this.#url}/${TENANT}`;
    return {
      issuer: `${tenant}/v2.0`,
      authorization_endpoint: `${tenant}/oauth2/v2.0/authorize`,
      token_endpoint: `${tenant}/oauth2/v2.0/token`,
      jwks_uri: `${tenant}/discovery/v2.0/keys`,
    };
  }
}
