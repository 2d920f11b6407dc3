import type { ResourceServer } from "oidc-provider";
import { EntraRefusal, entraErrors } from "./entra-errors.ts";

/** A resource that tokens are made for. */
export interface TokenAudience {
  /** What the scope says before `/.default` or `/user_impersonation`, and the token's `aud`. */
  name: string;
  /** Whether app roles belong into the token. */
  appRoles: boolean;
}

/** `ext_expires_in` and `expires_in` of every answer, a second under an hour as Entra has it. */
export const tokenLifetimeSeconds = 3599;
/** Scopes of OpenID Connect; SDKs ask for them beside the resource's. */
export const openIdScopes = ["openid", "profile", "email", "offline_access"];

/**
 * Reads the resource from a scope: Entra v2 has no `resource` parameter. `{resource}/.default` is for everybody, and
 * `{resource}/user_impersonation` for an application that acts for a person.
 *
 * @throws EntraRefusal where it is missing, or names no audience of this authority.
 */
export function readAudience(
  scope: string,
  audiences: readonly TokenAudience[],
  { delegated }: { delegated: boolean },
): TokenAudience {
  const [wanted = ""] = scope.split(" ").filter(one => one !== "" && !openIdScopes.includes(one));
  if (wanted === "") throw new EntraRefusal(entraErrors.missingParameter("scope"));
  const suffix = ["/.default", ...(delegated ? ["/user_impersonation"] : [])].find(one => wanted.endsWith(one));
  if (suffix === undefined) {
    throw new EntraRefusal(delegated ? entraErrors.unknownScope(wanted) : entraErrors.scopeWithoutDefault(wanted));
  }
  const resource = wanted.slice(0, -suffix.length).replace(/\/+$/, "");
  const found = audiences.find(one => one.name === resource);
  if (!found) throw new EntraRefusal(entraErrors.unknownResource(resource));
  return found;
}

/** The audience as oidc-provider wants it described. */
export function composeResourceServer(name: string, delegated: boolean): ResourceServer {
  return {
    scope: delegated ? `${name}/user_impersonation ${name}/.default` : "",
    audience: name,
    accessTokenFormat: "jwt",
    accessTokenTTL: tokenLifetimeSeconds,
    jwt: { sign: { alg: "RS256" } },
  };
}
