import { randomUUID } from "node:crypto";

/** An error of Entra's token endpoint: OAuth's code, and the AADSTS number that people search for. */
export interface EntraError {
  status: number;
  error: string;
  number: number;
  text: string;
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
