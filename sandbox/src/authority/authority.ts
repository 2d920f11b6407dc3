import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTVerifyGetKey } from "jose";
import type { Identity } from "../certificates.ts";
import { closeServer, listenOnLoopback } from "../listener.ts";
import { type Application, tenantId } from "./applications.ts";
import { entraErrors, renderEntraError } from "./entra-errors.ts";
import { createProvider, type TokenAudience } from "./provider.ts";

/** The sandbox's Microsoft Entra: signs applications in, on HTTPS, at Entra's paths. */
export interface Authority {
  /** `https://localhost:port`, what clients call the authority host. */
  url: string;
  issuer: string;
  jwksUrl: string;
  /** The public keys of its tokens, for a listener of the same process. */
  keys: JWTVerifyGetKey;
  /** Tokens can be had for this audience from now on. */
  addAudience(audience: TokenAudience): void;
  stop(): Promise<void>;
}

export interface AuthorityOptions {
  server: Identity;
  applications: Application[];
  port?: number;
}

/** Starts the authority on a free port of 127.0.0.1, unless a port is given. It knows one tenant, `tenantId`. */
export async function startAuthority(options: AuthorityOptions): Promise<Authority> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const kid = randomBytes(8).toString("hex");
  const properties = { kid, use: "sig", alg: "RS256" };
  const audiences: TokenAudience[] = [];
  let answer = (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(503).end();
  };
  const server = createServer({ cert: options.server.certificate, key: options.server.key }, (request, response) =>
    answer(request, response),
  );
  const port = await listenOnLoopback(server, options.port);
  const url = `https://localhost:${port}`;
  const issuer = `${url}/${tenantId}/v2.0`;
  const provider = createProvider({
    issuer,
    signingKey: { ...(await exportJWK(privateKey)), ...properties },
    applications: options.applications,
    audiences,
  });
  const handle = provider.callback();
  answer = (request, response) => {
    const rest = stripTenant(request.url ?? "/");
    if (rest.tenant !== tenantId) {
      const error = entraErrors.unknownTenant(rest.tenant);
      response.writeHead(error.status, { "content-type": "application/json" });
      response.end(JSON.stringify(renderEntraError(error)));
      return;
    }
    // oidc-provider finds the public prefix of its own URLs by comparing these two, as express and koa-mount set them.
    Object.assign(request, { originalUrl: `/${tenantId}${rest.path}` });
    request.url = rest.path;
    void handle(request, response);
  };
  return {
    url,
    issuer,
    jwksUrl: `${url}/${tenantId}/discovery/v2.0/keys`,
    keys: createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), ...properties }] }),
    addAudience: audience => void audiences.push(audience),
    stop: () => closeServer(server),
  };
}

/** Entra puts the tenant first, and its discovery document below `/v2.0`. */
function stripTenant(target: string): { tenant: string; path: string } {
  const [, tenant = "", path = "/"] = /^\/([^/?]*)(.*)$/s.exec(target) ?? [];
  const discovery = "/.well-known/openid-configuration";
  return { tenant: tenant.toLowerCase(), path: path.startsWith(`/v2.0${discovery}`) ? path.slice(5) : path };
}
