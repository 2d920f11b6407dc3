import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import { Refusal } from "../feed/refusal.ts";
import type { AdminOptions } from "./routes.ts";

/** Who calls: the token's object id, or its subject; and the app roles it carries. */
export interface Admin {
  readonly subject: string;
  readonly roles: readonly string[];
}

/** Asymmetric only: a key that the authority publishes must not serve as a shared secret (RFC 8725 section 3.1). */
const algorithms = ["RS256", "PS256", "ES256"];

/** Checks bearer tokens: signature by the authority's published keys, issuer, audience, times (RFC 7519, RFC 8725). */
export function readAdminTokens({ issuer, audience, jwksUrl }: Omit<AdminOptions, "database">): {
  /** Throws a 401 for a token that is missing or not good, a 503 if the authority's keys can't be had. */
  verify(authorization: string | undefined): Promise<Admin>;
} {
  const keys = createRemoteJWKSet(new URL(jwksUrl));
  return {
    async verify(authorization) {
      const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
      if (token === undefined) throw new Refusal(401, "Unauthorized", "a bearer token is needed");
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms,
        requiredClaims: ["exp", "sub"],
        clockTolerance: 30,
      }).catch((error: unknown) => {
        throw isTokensFault(error)
          ? new Refusal(401, "Unauthorized", "the bearer token is not valid here")
          : new Refusal(503, "AuthorityUnavailable", "the keys of the sign-in authority can't be had right now");
      });
      const { oid, sub, roles } = payload;
      return {
        subject: typeof oid === "string" ? oid : (sub ?? ""),
        roles: Array.isArray(roles) ? roles.filter(role => typeof role === "string") : [],
      };
    },
  };
}

/** False for what is the authority's or the network's fault. */
const isTokensFault = (error: unknown): boolean =>
  error instanceof errors.JOSEError &&
  !(error instanceof errors.JWKSTimeout) &&
  !(error instanceof errors.JWKSInvalid) &&
  error.code !== "ERR_JOSE_GENERIC";
