import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from "jose";
import { Refusal } from "../../feed/refusal.ts";

/** Which tokens the admin API takes. */
export interface TokenRules {
  /** `iss`; more than one where an authority issues tokens of version 1 (`https://sts.windows.net/{tenant}/`) and of version 2. */
  readonly issuers: readonly string[];
  /** `aud`: this API's own application, by its id or its URI. */
  readonly audiences: readonly string[];
  /** Where the authority publishes its keys (RFC 7517). Read again when a token names an unknown one. */
  readonly jwksUrl: string;
  /** `tid`: the one tenant whose tokens are taken. */
  readonly tenantId: string;
  /** What `scp` of a person's token must hold. */
  readonly scope: string;
}

/** Who calls. A person has a delegated token; an application speaks for itself. */
export interface Caller {
  readonly kind: "person" | "application";
  /** Object id in the tenant. */
  readonly objectId: string;
  readonly name: string;
  /** The client that got the token. */
  readonly appId: string;
  readonly roles: readonly string[];
  /** As it came, for the exchange on behalf of the person. Never logged. */
  readonly token: string;
  /** Seconds since 1970. */
  readonly expires: number;
}

/** Asymmetric only: a key that the authority publishes must not serve as a shared secret (RFC 8725 section 3.1). */
const algorithms = ["RS256", "PS256", "ES256"];

/** Seconds between two looks for a key that is not known, so that made-up key ids don't become requests to the authority. */
const KEY_COOLDOWN = 30;

/**
 * Checks bearer tokens: signature by the authority's published keys, issuer, audience, tenant, times (RFC 7519,
 * RFC 8725, Entra's access token reference).
 */
export function readAdminTokens(rules: TokenRules): {
  /** Throws a 401 for a token that is missing or not good, a 403 for one without the scope, a 503 if the authority's keys can't be had. */
  verify(authorization: string | undefined): Promise<Caller>;
} {
  const keys = createRemoteJWKSet(new URL(rules.jwksUrl), { cooldownDuration: KEY_COOLDOWN * 1000 });
  return {
    async verify(authorization) {
      const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
      if (token === undefined) throw new Refusal(401, "Unauthorized", "a bearer token is needed");
      const { payload } = await jwtVerify(token, keys, {
        issuer: [...rules.issuers],
        audience: [...rules.audiences],
        algorithms,
        requiredClaims: ["exp", "sub"],
        clockTolerance: 30,
      }).catch((error: unknown) => {
        throw isTokensFault(error)
          ? invalid()
          : new Refusal(503, "AuthorityUnavailable", "the keys of the sign-in authority can't be had right now");
      });
      if (text(payload.tid) !== rules.tenantId) throw invalid();
      return toCaller(payload, token, rules.scope);
    },
  };
}

const invalid = (): Refusal => new Refusal(401, "Unauthorized", "the bearer token is not valid here");

/** Only tokens that stand for a person carry `scp`; an application's carry roles at most. */
function toCaller(payload: JWTPayload, token: string, scope: string): Caller {
  const { oid, scp, roles } = payload;
  const isPerson = scp !== undefined;
  if (isPerson && !text(scp).split(" ").includes(scope)) {
    throw new Refusal(403, "ScopeMissing", `the token needs the scope ${scope}`);
  }
  const objectId = text(oid);
  if (objectId === "") throw invalid();
  return {
    kind: isPerson ? "person" : "application",
    objectId,
    name: text(payload.name) || text(payload.preferred_username) || text(payload.upn) || objectId,
    appId: text(payload.azp) || text(payload.appid),
    roles: Array.isArray(roles) ? roles.filter(role => typeof role === "string") : [],
    token,
    expires: payload.exp ?? 0,
  };
}

const text = (claim: unknown): string => (typeof claim === "string" ? claim : "");

/** False for what is the authority's or the network's fault. */
const isTokensFault = (error: unknown): boolean =>
  error instanceof errors.JOSEError &&
  !(error instanceof errors.JWKSTimeout) &&
  !(error instanceof errors.JWKSInvalid) &&
  error.code !== "ERR_JOSE_GENERIC";
