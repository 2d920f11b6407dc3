import { errors, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { Application } from "../authority/applications.ts";
import { armErrors } from "./errors.ts";
import type { RoleAssignment } from "./roles.ts";

/** Who a principal is, as ARM's messages and headers name it. */
export interface EntraIds {
  appId: string;
  objectId: string;
}

/** The application behind a request. */
export interface Caller extends EntraIds {
  tenantId: string;
  issuer: string;
  audience: string;
  assignments: readonly RoleAssignment[];
}

export interface TokenRules {
  issuer: string;
  keys: JWTVerifyGetKey;
  /** Base URL of ARM, the audience that tokens must have. */
  audience: string;
  applications: readonly Application[];
}

/**
 * Reads the bearer token of a request.
 *
 * @throws ArmError 401 where there is none, or it is not the authority's, not for ARM, or too old.
 */
export async function identifyCaller(authorization: string | undefined, rules: TokenRules): Promise<Caller> {
  const authority = rules.issuer.replace(/\/v2\.0$/, "");
  const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
  if (token === undefined) throw armErrors.noToken(authority);
  try {
    const { payload } = await jwtVerify(token, rules.keys, {
      issuer: rules.issuer,
      audience: rules.audience,
      algorithms: ["RS256"],
    });
    const application = rules.applications.find(one => one.clientId === payload.appid);
    if (!application) throw armErrors.badToken(authority);
    return {
      appId: application.clientId,
      objectId: application.objectId,
      tenantId: String(payload.tid),
      issuer: rules.issuer,
      audience: rules.audience,
      assignments: application.assignments,
    };
  } catch (error) {
    throw error instanceof errors.JWTExpired ? armErrors.expiredToken(authority) : armErrors.badToken(authority);
  }
}
