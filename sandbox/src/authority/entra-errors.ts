import { randomUUID } from "node:crypto";
import { errors } from "oidc-provider";

/** An error of Entra's token endpoint: OAuth's code, and the AADSTS number that people search for. */
export interface EntraError {
  status: number;
  error: string;
  number: number;
  text: string;
}

/** Thrown inside oidc-provider to end a token request with an error of Entra's. */
export class EntraRefusal extends errors.InvalidTarget {
  readonly refusal: EntraError;

  constructor(refusal: EntraError) {
    super(`AADSTS${refusal.number}: ${refusal.text}`);
    this.refusal = refusal;
  }
}

/** Every refusal of the sandbox's authority, with the numbers and words that the real one uses. */
export const entraErrors = {
  wrongSecret: (clientId: string): EntraError => ({
    status: 401,
    error: "invalid_client",
    number: 7000215,
    text: `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${clientId}'.`,
  }),
  missingSecret: (): EntraError => ({
    status: 401,
    error: "invalid_client",
    number: 7000218,
    text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
  }),
  unknownApplication: (clientId: string): EntraError => ({
    status: 400,
    error: "unauthorized_client",
    number: 700016,
    text: `Application with identifier '${clientId}' was not found in the directory 'Linkgate sandbox'.`,
  }),
  unknownTenant: (tenant: string): EntraError => ({
    status: 400,
    error: "invalid_request",
    number: 90002,
    text: `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`,
  }),
  missingParameter: (name: string): EntraError => ({
    status: 400,
    error: "invalid_request",
    number: 900144,
    text: `The request body must contain the following parameter: '${name}'.`,
  }),
  unsupportedGrant: (grant: string): EntraError => ({
    status: 400,
    error: "unsupported_grant_type",
    number: 70003,
    text: `The app requested an unsupported grant type '${grant}'.`,
  }),
  scopeWithoutDefault: (scope: string): EntraError => ({
    status: 400,
    error: "invalid_scope",
    number: 1002012,
    text: `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`,
  }),
  unknownScope: (scope: string): EntraError => ({
    status: 400,
    error: "invalid_scope",
    number: 70011,
    text: `The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope ${scope} is not valid.`,
  }),
  invalidGrant: (text: string): EntraError => ({ status: 400, error: "invalid_grant", number: 70000, text }),
  unsupportedTokenUse: (use: string): EntraError => ({
    status: 400,
    error: "invalid_request",
    number: 90014,
    text: `The value '${use}' of 'requested_token_use' is not valid; it must be 'on_behalf_of'.`,
  }),
  wrongAudience: (given: string, application: { clientId: string; name: string }): EntraError => ({
    status: 400,
    error: "invalid_grant",
    number: 500131,
    text: `Assertion audience does not match the Client app presenting the assertion. The audience in the assertion was '${given}' and the expected audience is '${application.clientId}' or one of the Application Uris of this application with App ID '${application.clientId}'(${application.name}). The downstream client must request a token for the expected audience (the application that made the OBO request) and this application should use that token as the assertion.`,
  }),
  assertionForged: (): EntraError => ({
    status: 400,
    error: "invalid_grant",
    number: 50013,
    text: "Assertion failed signature validation. [Reason - The provided signature value did not match the expected signature value.]",
  }),
  assertionOfOtherTenant: (): EntraError => ({
    status: 400,
    error: "invalid_grant",
    number: 50013,
    text: "Assertion failed signature validation. [Reason - The assertion was issued by another tenant.]",
  }),
  assertionTooOld: (): EntraError => ({
    status: 400,
    error: "invalid_grant",
    number: 500133,
    text: "Assertion is not within its valid time range. Ensure that the access token is not expired before using it for user assertion, or request a new token.",
  }),
  assertionMalformed: (): EntraError => ({
    status: 400,
    error: "invalid_request",
    number: 50027,
    text: "JWT token is invalid or malformed.",
  }),
  notForApplications: (application: { clientId: string }): EntraError => ({
    status: 400,
    error: "invalid_grant",
    number: 7000114,
    text: `Application '${application.clientId}' is not allowed to make application on-behalf-of calls.`,
  }),
  unknownPerson: (): EntraError => ({
    status: 400,
    error: "invalid_grant",
    number: 50034,
    text: "The user account of the assertion does not exist in the directory 'Linkgate sandbox'.",
  }),
  unknownResource: (resource: string): EntraError => ({
    status: 400,
    error: "invalid_resource",
    number: 500011,
    text: `The resource principal named ${resource} was not found in the tenant named Linkgate sandbox.`,
  }),
  refused: (status: number, error: string, text: string): EntraError => ({ status, error, number: 9002313, text }),
};

/** The body that Entra answers with; MSAL shows `error_description` and reads the number from `error_codes`. */
export function renderEntraError(error: EntraError): Record<string, unknown> {
  const traceId = randomUUID();
  const correlationId = randomUUID();
  const timestamp = new Date().toISOString().replace("T", " ").replace(/\.\d+/, "");
  return {
    error: error.error,
    error_description: `AADSTS${error.number}: ${error.text} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
    error_codes: [error.number],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
  };
}
