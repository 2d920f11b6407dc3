import { createHash } from "node:crypto";
import type { AccessToken } from "@azure/core-auth";
import { LRUCache } from "lru-cache";
import { Refusal } from "../../feed/refusal.ts";
import type { Caller } from "../access/tokens.ts";

/** Who the admin API is in the exchange: the application that the portal's tokens are for. */
export interface OnBehalfOfOptions {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Undefined: Entra's public one. */
  readonly authorityHost: string | undefined;
}

/** Gets a token of the person's own for ARM. */
export type OnBehalfOf = (person: Caller) => Promise<string>;

/** Tokens kept; each is some kilobytes. The one that was not used for the longest goes first. */
const KEPT = 1000;
/** Milliseconds before its end at which a token is not used any more. */
const MARGIN = 60_000;

/**
 * Exchanges people's tokens for tokens at ARM (OAuth 2.0 on-behalf-of, RFC 7523): what ARM sees is the person. Kept per
 * token, by its hash, until the one or the other ends.
 *
 * @param scope `{ARM}/.default`
 */
export function createOnBehalfOf(options: OnBehalfOfOptions, scope: string): OnBehalfOf {
  const kept = new LRUCache<string, AccessToken, Caller>({
    max: KEPT,
    ttl: 1,
    async fetchMethod(_key, _old, { context: person, options: entry }) {
      const token = await exchange(options, person.token, scope);
      const end = Math.min(token.expiresOnTimestamp, person.expires * 1000);
      entry.ttl = Math.max(1, end - MARGIN - Date.now());
      return token;
    },
  });
  return async person => {
    const key = createHash("sha256").update(person.token).digest("base64");
    const token = await kept.fetch(key, { context: person });
    if (token === undefined) throw unavailable();
    return token.token;
  };
}

async function exchange(options: OnBehalfOfOptions, userAssertionToken: string, scope: string): Promise<AccessToken> {
  // Loaded when first needed: it would delay the start.
  const { OnBehalfOfCredential } = await import("@azure/identity");
  const { tenantId, clientId, clientSecret, authorityHost } = options;
  const settings = {
    tenantId,
    clientId,
    clientSecret,
    userAssertionToken,
    // The authority is configured, not learned; one that Microsoft does not know of must serve too.
    disableInstanceDiscovery: true,
    ...(authorityHost === undefined ? {} : { authorityHost }),
  };
  const credential = new OnBehalfOfCredential(settings);
  try {
    return await credential.getToken(scope);
  } catch (error) {
    throw explain(error);
  }
}

/** MSAL's own words, as far as they decide what the person has to do. */
function explain(error: unknown): Refusal {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { name, errorCode } = (cause ?? {}) as { name?: unknown; errorCode?: unknown };
  if (name === "InteractionRequiredAuthError" || errorCode === "invalid_grant") {
    return new Refusal(401, "SignInAgain", "the sign-in authority wants you to sign in again before it goes on");
  }
  const refusal = unavailable();
  refusal.cause = cause;
  return refusal;
}

const unavailable = (): Refusal =>
  new Refusal(503, "AuthorityUnavailable", "the sign-in authority could not be asked for access to Azure right now");
