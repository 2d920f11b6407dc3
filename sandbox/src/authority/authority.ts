import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWK, type JWTVerifyGetKey } from "jose";
import type { Identity } from "../certificates.ts";
import { closeServer, listenOnLoopback } from "../listener.ts";
import { type Application, tenantId } from "./applications.ts";
import { entraErrors, renderEntraError } from "./entra-errors.ts";
import type { Person } from "./people.ts";
import { createProvider } from "./provider.ts";
import { serveSignIn } from "./sign-in.ts";
import type { TokenAudience } from "./token-audience.ts";

/** The sandbox's Microsoft Entra: signs applications and people in, on HTTPS, at Entra's paths. */
export interface Authority {
  /** `https://localhost:port`, what clients call the authority host. */
  url: string;
  issuer: string;
  jwksUrl: string;
  /** With its private half: a test can make a token with it that only the authority could have made. */
  signingKey: JWK;
  /** The public keys of its tokens, for a listener of the same process. */
  keys: JWTVerifyGetKey;
  /** Tokens can be had for this audience from now on. */
  addAudience(audience: TokenAudience): void;
  /** Whatever is asked for below no tenant is answered by this one from now on: the portal, on the same origin. */
  serveBeside(answer: (request: IncomingMessage, response: ServerResponse) => void): void;
  stop(): Promise<void>;
}

export interface AuthorityOptions {
  server: Identity;
  applications: readonly Application[];
  people: readonly Person[];
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
  const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), ...properties }] });
  const signingKey = { ...(await exportJWK(privateKey)), ...properties };
  const provider = createProvider({
    issuer,
    signingKey,
    keys,
    applications: options.applications,
    people: options.people,
    audiences,
    portalUrl: `${url}/`,
  });
  const handle = provider.callback();
  let answerBeside: typeof answer | undefined;
  answer = (request, response) => {
    const rest = stripTenant(request.url ?? "/");
    if (answerBeside !== undefined && !isTenantLike(rest.tenant)) return answerBeside(request, response);
    if (rest.tenant !== tenantId) {
      const error = entraErrors.unknownTenant(rest.tenant);
      response.writeHead(error.status, { "content-type": "application/json" });
      response.end(JSON.stringify(renderEntraError(error)));
      return;
    }
    // oidc-provider finds the public prefix of its own URLs by comparing these two, as express and koa-mount set them.
    Object.assign(request, { originalUrl: `/${tenantId}${rest.path}` });
    request.url = rest.path;
    if (!rest.path.startsWith("/sign-in/")) return void handle(request, response);
    serveSignIn(provider, options.people, request, response).catch((error: unknown) => {
      console.error("sandbox: the sign-in page failed:", error);
      response.destroy();
    });
  };
  return {
    url,
    issuer,
    jwksUrl: `${url}/${tenantId}/discovery/v2.0/keys`,
    signingKey,
    keys,
    addAudience: audience => void audiences.push(audience),
    serveBeside: handler => {
      answerBeside = handler;
    },
    stop: () => closeServer(server),
  };
}

/**
 * Entra puts the tenant first, and its discovery document below `/v2.0`. Where the tenant is still open, clients ask for
 * the document with a name for any of them; here it is the only one's.
 */
function stripTenant(target: string): { tenant: string; path: string } {
  const [, tenant = "", path = "/"] = /^\/([^/?]*)(.*)$/s.exec(target) ?? [];
  const discovery = "/.well-known/openid-configuration";
  if (!path.startsWith(`/v2.0${discovery}`)) return { tenant: tenant.toLowerCase(), path };
  const isAny = ["common", "organizations"].includes(tenant.toLowerCase());
  return { tenant: isAny ? tenantId : tenant.toLowerCase(), path: path.slice(5) };
}

/** Ids, and the names that stand for any tenant. */
function isTenantLike(segment: string): boolean {
  return /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|common|organizations|consumers)$/.test(segment);
}
