import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { Provider, TokenEndpointGrantContext } from "oidc-provider";
import { type Application, tenantId } from "./applications.ts";
import { EntraRefusal, entraErrors } from "./entra-errors.ts";
import type { Person } from "./people.ts";
import { composeResourceServer, readAudience, type TokenAudience } from "./token-audience.ts";

export interface OnBehalfOfOptions {
  issuer: string;
  keys: JWTVerifyGetKey;
  applications: readonly Application[];
  people: readonly Person[];
  audiences: readonly TokenAudience[];
}

interface Parameters {
  assertion?: string;
  requested_token_use?: string;
}

export const onBehalfOf = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/**
 * Entra's on-behalf-of grant (RFC 7523 with `requested_token_use=on_behalf_of`): an application that has been called with
 * a person's token for itself gets one for the same person at the next audience. oidc-provider has checked the
 * application's secret by then.
 */
export function registerOnBehalfOf(provider: Provider, options: OnBehalfOfOptions): void {
  provider.registerGrantType<Parameters>(
    onBehalfOf,
    async context => {
      const { params, client } = context.oidc;
      const application = options.applications.find(one => one.clientId === client.clientId);
      if (!application) throw new EntraRefusal(entraErrors.unknownApplication(client.clientId));
      for (const name of ["assertion", "requested_token_use"] as const) {
        if (!params[name]) throw new EntraRefusal(entraErrors.missingParameter(name));
      }
      if (params.requested_token_use !== "on_behalf_of") {
        throw new EntraRefusal(entraErrors.unsupportedTokenUse(String(params.requested_token_use)));
      }
      const person = await readAssertion(String(params.assertion), application, options);
      await issue(provider, context, person, options.audiences);
    },
    ["assertion", "requested_token_use", "scope"],
  );
}

async function readAssertion(assertion: string, application: Application, options: OnBehalfOfOptions): Promise<Person> {
  const { payload } = await jwtVerify(assertion, options.keys, { algorithms: ["RS256"] }).catch((error: unknown) => {
    if (error instanceof errors.JWTExpired) throw new EntraRefusal(entraErrors.assertionTooOld());
    if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey) {
      throw new EntraRefusal(entraErrors.assertionForged());
    }
    throw new EntraRefusal(entraErrors.assertionMalformed());
  });
  if (payload.iss !== options.issuer || payload.tid !== tenantId) {
    throw new EntraRefusal(entraErrors.assertionOfOtherTenant());
  }
  const expected = [application.clientId, ...(application.audience === undefined ? [] : [application.audience])];
  const given = readGivenAudience(payload);
  if (!expected.includes(given)) throw new EntraRefusal(entraErrors.wrongAudience(given, application));
  if (payload.idtyp !== "user" || !payload.scp) throw new EntraRefusal(entraErrors.notForApplications(application));
  const person = options.people.find(one => one.objectId === payload.oid);
  if (!person) throw new EntraRefusal(entraErrors.unknownPerson());
  return person;
}

/** Exactly one: with several, each could be passed off as meant for the other. */
function readGivenAudience({ aud }: JWTPayload): string {
  return typeof aud === "string" ? aud : "";
}

async function issue(
  provider: Provider,
  context: TokenEndpointGrantContext<Parameters>,
  person: Person,
  audiences: readonly TokenAudience[],
): Promise<void> {
  const audience = readAudience(String(context.oidc.params.scope ?? ""), audiences, { delegated: true });
  const { client } = context.oidc;
  const token = new provider.AccessToken({ accountId: person.objectId, client, gty: onBehalfOf } as never);
  token.resourceServer = new provider.ResourceServer(audience.name, composeResourceServer(audience.name, true));
  token.scope = `${audience.name}/user_impersonation`;
  context.oidc.entity("AccessToken", token);
  context.body = {
    token_type: "Bearer",
    scope: token.scope,
    expires_in: token.expiration,
    access_token: await token.save(),
  };
}
