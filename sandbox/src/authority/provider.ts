import { randomBytes } from "node:crypto";
import type { JWK } from "jose";
import { errors, type KoaContextWithOIDC, Provider } from "oidc-provider";
import { type Application, tenantId } from "./applications.ts";
import { type EntraError, entraErrors, renderEntraError } from "./entra-errors.ts";
import { MemoryAdapter } from "./memory-adapter.ts";

/** A resource that tokens are made for. */
export interface TokenAudience {
  /** What the scope says before `/.default`, and the token's `aud`. */
  name: string;
  /** Whether an application's app roles belong into the token. */
  appRoles: boolean;
}

export interface ProviderOptions {
  issuer: string;
  signingKey: JWK;
  applications: Application[];
  audiences: TokenAudience[];
}

const tokenLifetimeSeconds = 3599;

/**
 * oidc-provider with Entra's habits: paths below the tenant, the resource named by the scope `{resource}/.default`
 * (Entra v2 knows no `resource` parameter), JWT access tokens, and Entra's shape of answers and errors.
 */
export function createProvider(options: ProviderOptions): Provider {
  const byId = new Map(options.applications.map(application => [application.clientId, application]));
  const refusals = new WeakMap<Error, EntraError>();
  const refuse = (error: EntraError): Error => {
    const thrown = new errors.InvalidTarget(error.text);
    refusals.set(thrown, error);
    return thrown;
  };
  const provider = new Provider(options.issuer, {
    clients: options.applications.map(application => ({
      client_id: application.clientId,
      client_secret: application.secret,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: "client_secret_post",
    })),
    jwks: { keys: [options.signingKey] as never[] },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    clientDefaults: { id_token_signed_response_alg: "RS256" },
    routes: {
      authorization: "/oauth2/v2.0/authorize",
      token: "/oauth2/v2.0/token",
      jwks: "/discovery/v2.0/keys",
    },
    ttl: { ClientCredentials: tokenLifetimeSeconds },
    adapter: MemoryAdapter,
    renderError: (context, out) => {
      context.type = "text/plain";
      context.body = `${out.error}: ${out.error_description ?? ""}\n`;
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: context => {
          const found = readAudience(context, options.audiences);
          if ("error" in found) throw refuse(found);
          return found.name;
        },
        getResourceServerInfo: (_context, resource) => ({
          scope: "",
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: tokenLifetimeSeconds,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    extraTokenClaims: (context, token) => {
      const application = byId.get(token.clientId ?? "");
      if (!application) return undefined;
      const audience = options.audiences.find(one => one.name === context.oidc.params?.resource);
      return {
        appid: application.clientId,
        azp: application.clientId,
        idtyp: "app",
        oid: application.objectId,
        tid: tenantId,
        ver: "2.0",
        ...(audience?.appRoles && application.appRoles.length > 0 ? { roles: application.appRoles } : {}),
      };
    },
  });
  const thrown = new WeakMap<object, Error>();
  provider.on("grant.error", (context, error) => void thrown.set(context, error));
  provider.use(async (context, next) => {
    await next();
    if (context.path !== "/oauth2/v2.0/token" || typeof context.body !== "object" || context.body === null) return;
    const body = context.body as Record<string, unknown>;
    if (context.status === 200) {
      context.body = { ...body, ext_expires_in: body.expires_in };
      return;
    }
    const cause = thrown.get(context);
    const error = (cause && refusals.get(cause)) ?? explain(context as KoaContextWithOIDC, byId, context.status, body);
    context.status = error.status;
    context.body = renderEntraError(error);
  });
  return provider;
}

function readAudience(context: KoaContextWithOIDC, audiences: TokenAudience[]): TokenAudience | EntraError {
  // Go's SDK appends the scopes of OpenID Connect.
  const scopes = String(context.oidc.params?.scope ?? "").split(" ");
  const [scope = ""] = scopes.filter(one => !["", "openid", "profile", "offline_access"].includes(one));
  if (scope === "") return entraErrors.missingParameter("scope");
  if (!scope.endsWith("/.default")) return entraErrors.scopeWithoutDefault(scope);
  const resource = scope.slice(0, -"/.default".length).replace(/\/+$/, "");
  return audiences.find(one => one.name === resource) ?? entraErrors.unknownResource(resource);
}

function explain(
  context: KoaContextWithOIDC,
  byId: ReadonlyMap<string, Application>,
  status: number,
  body: Record<string, unknown>,
): EntraError {
  const form = (context.oidc?.body ?? {}) as Record<string, unknown>;
  const clientId = String(form.client_id ?? "");
  const code = String(body.error);
  if (form.grant_type === undefined) return entraErrors.missingParameter("grant_type");
  if (code === "unsupported_grant_type") return entraErrors.unsupportedGrant(String(form.grant_type));
  if (code.startsWith("invalid_") && clientId === "") return entraErrors.missingParameter("client_id");
  if (code === "invalid_client") {
    if (!byId.has(clientId)) return entraErrors.unknownApplication(clientId);
    return form.client_secret ? entraErrors.wrongSecret(clientId) : entraErrors.missingSecret();
  }
  return entraErrors.refused(status, code, String(body.error_description ?? ""));
}
