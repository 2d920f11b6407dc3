/** Somebody as ARM's messages name them. */
export interface Principal {
  /** An application's id, or a person's user name. */
  label: string;
  objectId: string;
}

/** A refusal in ARM's shape: `{ error: { code, message } }` (ARM contract 4.3). */
export class ArmError extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** The body of an answer that refuses. */
export function renderArmError(error: { code: string; message: string }): { error: { code: string; message: string } } {
  return { error: { code: error.code, message: error.message } };
}

/** Every refusal that ARM itself speaks, with the codes and words of the real one where they are known. */
export const armErrors = {
  noToken: (authority: string) =>
    new ArmError(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.", {
      "www-authenticate": `Bearer authorization_uri="${authority}", error="invalid_token", error_description="The authentication failed because of missing 'Authorization' header."`,
    }),
  badToken: (authority: string) =>
    new ArmError(401, "InvalidAuthenticationToken", "The access token is invalid.", {
      "www-authenticate": `Bearer authorization_uri="${authority}", error="invalid_token", error_description="The access token is invalid."`,
    }),
  expiredToken: (authority: string) =>
    new ArmError(401, "ExpiredAuthenticationToken", "The access token expiry UTC time is in the past.", {
      "www-authenticate": `Bearer authorization_uri="${authority}", error="invalid_token", error_description="The access token expiry UTC time is in the past."`,
    }),
  noApiVersion: () =>
    new ArmError(
      400,
      "MissingApiVersionParameter",
      "The api-version query parameter (?api-version=) is required for all requests.",
    ),
  badApiVersion: (version: string) =>
    new ArmError(400, "InvalidApiVersionParameter", `The api-version '${version}' is invalid.`),
  badPath: () => new ArmError(400, "InvalidRequestUri", "The request URI is not a valid resource path."),
  notAllowed: (caller: Principal, action: string, scope: string) =>
    new ArmError(
      403,
      "AuthorizationFailed",
      `The client '${caller.label}' with object id '${caller.objectId}' does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
    ),
  linkNotAllowed: (caller: Principal, action: string, scope: string, linkedAction: string, linkedScope: string) =>
    new ArmError(
      403,
      "LinkedAuthorizationFailed",
      `The client '${caller.label}' with object id '${caller.objectId}' has permission to perform action '${action}' on scope '${scope}'; however, it does not have permission to perform action(s) '${linkedAction}' on the linked scope(s) '${linkedScope}' (respectively) or the linked scope(s) are invalid.`,
    ),
  noRoleAssignment: (name: string) =>
    new ArmError(404, "RoleAssignmentNotFound", `The role assignment '${name}' is not found.`),
  roleAssignmentExists: () => new ArmError(409, "RoleAssignmentExists", "The role assignment already exists."),
  roleAssignmentFixed: () =>
    new ArmError(
      409,
      "RoleAssignmentUpdateNotPermitted",
      "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
    ),
  noPrincipal: (id: string, tenantId: string) =>
    new ArmError(
      400,
      "PrincipalNotFound",
      `Principal ${id} does not exist in the directory ${tenantId}. Check that you have the correct principal ID.`,
    ),
  noRoleDefinition: (id: string) =>
    new ArmError(
      404,
      "RoleDefinitionDoesNotExist",
      `The specified role definition with ID '${id.split("/").at(-1) ?? ""}' does not exist.`,
    ),
  badRoleName: (name: string) =>
    new ArmError(400, "InvalidRoleId", `The role assignment or definition id '${name}' is not a GUID.`),
  roleFixed: (name: string) =>
    new ArmError(
      403,
      "RoleDefinitionUpdateNotPermitted",
      `The role '${name}' belongs to the sandbox and stays as it is.`,
    ),
  roleInUse: () =>
    new ArmError(400, "RoleDefinitionHasAssignments", "There are existing role assignments referencing role."),
  badFilter: (filter: string) =>
    new ArmError(
      400,
      "UnsupportedQuery",
      `The filter '${filter}' is not supported. Supported filters are 'atScope()', 'principalId eq '{value}'' and 'assignedTo('{value}')' for role assignments, 'roleName eq '{value}'' and 'type eq '{value}'' for role definitions.`,
    ),
  noSubscription: (id: string) =>
    new ArmError(404, "SubscriptionNotFound", `The subscription '${id}' could not be found.`),
  noGroup: (name: string) => new ArmError(404, "ResourceGroupNotFound", `Resource group '${name}' could not be found.`),
  groupElsewhere: (name: string, location: string) =>
    new ArmError(
      409,
      "InvalidResourceGroupLocation",
      `Invalid resource group location. The Resource group '${name}' already exists in location '${location}'.`,
    ),
  noProvider: (namespace: string) =>
    new ArmError(404, "InvalidResourceNamespace", `The resource namespace '${namespace}' is invalid.`),
  noResource: (resource: string, group: string) =>
    new ArmError(
      404,
      "ResourceNotFound",
      `The Resource '${resource}' under resource group '${group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
    ),
  noOperation: (id: string) => new ArmError(404, "OperationNotFound", `Operation '${id}' could not be found.`),
  busy: () =>
    new ArmError(429, "AnotherOperationInProgress", "Another operation on this or dependent resource is in progress.", {
      "retry-after": "1",
    }),
  noRoute: (method: string) =>
    new ArmError(404, "NotFound", `The sandbox's Azure Resource Manager knows no such ${method} request.`),
  badContent: (message: string) => new ArmError(400, "InvalidRequestContent", message),
  providerDown: (namespace: string) =>
    new ArmError(503, "ServiceUnavailable", `The resource provider '${namespace}' could not be reached.`, {
      "retry-after": "1",
    }),
  stateNotTaken: (state: string, status: number) =>
    new ArmError(
      502,
      "InvalidResourceProviderResponse",
      `The resource provider did not take the subscription's state '${state}': it answered ${status}.`,
    ),
  providerSilent: (namespace: string) =>
    new ArmError(
      504,
      "GatewayTimeout",
      `The gateway did not receive a response from '${namespace}' within the specified time period.`,
    ),
};
