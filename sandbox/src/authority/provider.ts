import { randomBytes } from "node:crypto";
import type { JWK, JWTVerifyGetKey } from "jose";
import { type ClientMetadata, interactionPolicy, type KoaContextWithOIDC, Provider } from "oidc-provider";
import { type Application, portalClientId, tenantId } from "./applications.ts";
import { EntraRefusal, entraErrors } from "./entra-errors.ts";
import { MemoryAdapter } from "./memory-adapter.ts";
import { onBehalfOf, registerOnBehalfOf } from "./on-behalf-of.ts";
import { pageHeaders, renderErrorPage, renderSignedOutPage, renderSignOutPage } from "./pages.ts";
import type { Person } from "./people.ts";
import { answerAsEntra } from "./token-answers.ts";
import {
  composeResourceServer,
  openIdScopes,
  readAudience,
  type TokenAudience,
  tokenLifetimeSeconds,
} from "./token-audience.ts";

export interface ProviderOptions {
  issuer: string;
  signingKey: JWK;
  keys: JWTVerifyGetKey;
  applications: readonly Application[];
  people: readonly Person[];
  audiences: readonly TokenAudience[];
  /** Where the portal may be sent after signing in or out. */
  portalUrl: string;
}

const paths = {
  authorization: "/oauth2/v2.0/authorize",
  token: "/oauth2/v2.0/token",
  end_session: "/oauth2/v2.0/logout",
  jwks: "/discovery/v2.0/keys",
};

/**
 * oidc-provider with Entra's habits: paths below the tenant, the resource named by the scope (Entra v2 knows no `resource`
 * parameter), JWT access tokens, and Entra's shape of answers and errors.
 */
export function createProvider(options: ProviderOptions): Provider {
  const applications = new Map(options.applications.map(one => [one.clientId, one]));
  const people = new Map(options.people.map(one => [one.objectId, one]));
  const provider = new Provider(options.issuer, {
    clients: [...options.applications.map(describeApplication), describePortal(options.portalUrl)],
    jwks: { keys: [options.signingKey] as never[] },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    clientDefaults: { id_token_signed_response_alg: "RS256" },
    routes: paths,
    scopes: openIdScopes,
    claims: { openid: ["sub", "oid", "tid", "ver"], profile: ["name", "preferred_username", "roles"] },
    conformIdTokenClaims: false,
    ttl: {
      ClientCredentials: tokenLifetimeSeconds,
      AccessToken: tokenLifetimeSeconds,
      IdToken: 3600,
      Interaction: 3600,
      Session: 86_400,
      Grant: 86_400,
      RefreshToken: 86_400,
    },
    adapter: MemoryAdapter,
    findAccount: (_context, id) => {
      const person = people.get(id);
      return person && { accountId: id, claims: () => ({ sub: id, ...describePerson(person), ...listRoles(person) }) };
    },
    interactions: {
      policy: composePolicy(),
      url: (_context, interaction) => `/${tenantId}/sign-in/${interaction.uid}`,
    },
    loadExistingGrant: grantWhatIsAsked,
    clientBasedCORS: (_context, origin, client) =>
      client.redirectUris?.some(uri => new URL(uri).origin === origin) ?? false,
    renderError: (context, out) => {
      context.set(pageHeaders());
      context.type = "html";
      context.body = renderErrorPage(`${out.error}: ${out.error_description ?? ""}`);
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => {
          context.set(pageHeaders([context.oidc.params?.post_logout_redirect_uri]));
          context.body = renderSignOutPage(form);
        },
        postLogoutSuccessSource: context => {
          context.set(pageHeaders());
          context.body = renderSignedOutPage();
        },
      },
      pushedAuthorizationRequests: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: context => {
          const scope = String(context.oidc.params?.scope ?? "");
          const delegated = context.oidc.client?.grantTypeAllowed("authorization_code") ?? false;
          // Somebody who only wants to know who signs in asks for no resource.
          const isIdentityOnly = delegated && scope.split(" ").every(one => openIdScopes.includes(one));
          return isIdentityOnly ? (undefined as never) : readAudience(scope, options.audiences, { delegated }).name;
        },
        getResourceServerInfo: (_context, resource, client) =>
          composeResourceServer(resource, client.grantTypeAllowed("authorization_code")),
      },
    },
    extraTokenClaims: (_context, token) => {
      const audience = options.audiences.find(one => one.name === token.aud);
      const person = "accountId" in token ? people.get(token.accountId) : undefined;
      const bearer = person ?? applications.get(token.clientId ?? "");
      if (!bearer) return undefined;
      return {
        appid: token.clientId,
        azp: token.clientId,
        tid: tenantId,
        oid: bearer.objectId,
        ver: "2.0",
        ...(person ? { ...describePerson(person), idtyp: "user", scp: "user_impersonation" } : { idtyp: "app" }),
        ...(audience?.appRoles ? listRoles(bearer) : {}),
      };
    },
  });
  registerOnBehalfOf(provider, options);
  answerAsEntra(provider, paths.token, applications);
  return provider;
}

function describePerson({ objectId, name, userName }: Person): Record<string, string> {
  return { oid: objectId, tid: tenantId, ver: "2.0", name, preferred_username: userName };
}

function listRoles({ appRoles }: { appRoles: string[] }): { roles?: string[] } {
  return appRoles.length > 0 ? { roles: appRoles } : {};
}

function describeApplication(application: Application): ClientMetadata {
  return {
    client_id: application.clientId,
    client_secret: application.secret,
    grant_types: ["client_credentials", onBehalfOf],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: "client_secret_post",
  };
}

/** A single-page application: no secret, so PKCE (RFC 7636). */
function describePortal(url: string): ClientMetadata {
  return {
    client_id: portalClientId,
    client_name: "Linkgate portal",
    grant_types: ["authorization_code", "refresh_token"],
    redirect_uris: [url],
    post_logout_redirect_uris: [url],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };
}

/** MSAL asks for `select_account` where an account has to be picked; here that is the sign-in page again. */
function composePolicy(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  policy.add(new interactionPolicy.Prompt({ name: "select_account", requestable: true }), 0);
  return policy;
}

/**
 * The tenant's administrator has agreed to what the portal asks for, so no person is asked. oidc-provider strikes
 * `offline_access` out where nobody is asked; Entra gives single-page applications a refresh token all the same.
 */
async function grantWhatIsAsked({ oidc }: KoaContextWithOIDC): Promise<InstanceType<Provider["Grant"]>> {
  const { client, session, params, provider, resourceServers = {} } = oidc;
  if (!client || !session?.accountId || !params) throw new EntraRefusal(entraErrors.missingParameter("client_id"));
  const known = session.grantIdFor(client.clientId);
  const grant =
    (known && (await provider.Grant.find(known))) ||
    new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  params.scope = [...new Set([...oidc.requestParamScopes, "offline_access"])].join(" ");
  grant.addOIDCScope(openIdScopes.join(" "));
  for (const [name, server] of Object.entries(resourceServers)) grant.addResourceScope(name, String(server.scope));
  await grant.save();
  return grant;
}
