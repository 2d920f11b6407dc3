import { errors, type JWTVerifyGetKey, jwtVerify } from "jose";
import { armErrors, type Principal } from "./errors.ts";

/** Who is behind a request: an application by itself, or one that acts for a person. */
export interface Caller extends Principal {
  /** The application that holds the token. */
  appId: string;
  /** The person's user name; absent for an application by itself. */
  userName?: string;
  tenantId: string;
  issuer: string;
  audience: string;
}

export interface TokenRules {
  issuer: string;
  keys: JWTVerifyGetKey;
  /** Base URL of ARM, the audience that tokens must have. */
  audience: string;
}

/**
 * Reads the bearer token of a request. A person's token must have been given for acting in their name.
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
    const { appid, oid, tid, idtyp, preferred_username: userName, scp = "" } = payload;
    const isPerson = idtyp === "user";
    const isComplete = [appid, oid, tid, ...(isPerson ? [userName] : [])].every(one => typeof one === "string");
    if (!isComplete || (isPerson && !String(scp).split(" ").includes("user_impersonation"))) {
      throw armErrors.badToken(authority);
    }
    return {
      appId: String(appid),
      objectId: String(oid),
      label: String(isPerson ? userName : appid),
      ...(isPerson ? { userName: String(userName) } : {}),
      tenantId: String(tid),
      issuer: rules.issuer,
      audience: rules.audience,
    };
  } catch (error) {
    throw error instanceof errors.JWTExpired ? armErrors.expiredToken(authority) : armErrors.badToken(authority);
  }
}
