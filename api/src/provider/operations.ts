import { ACCOUNT_TYPE, PROVIDER } from "../arm/paths.ts";
import type { Operations } from "../contract/contract.ts";

type Operation = Operations["Operations_List"]["answers"]["200"]["value"][number];

const ACCOUNT = `${PROVIDER}/${ACCOUNT_TYPE}`;
const CONNECTION = `${ACCOUNT}/privateEndpointConnections`;
const PROXY = `${ACCOUNT}/privateEndpointConnectionProxies`;

/**
 * What can be permitted here, for ARM's roles and for its audit (ARM RPC, proxy-api-reference "operations"). `Internal`
 * marks what only ARM and NRP do; Azure shows it to no customer.
 */
export const OPERATIONS: readonly Operation[] = [
  describe(`${PROVIDER}/operations/read`, "operations", "List operations", "Lists what can be permitted here."),
  describe(`${ACCOUNT}/read`, "services", "Read accounts", "Reads and lists accounts."),
  describe(`${ACCOUNT}/write`, "services", "Create or change an account", "Creates or changes an account."),
  describe(`${ACCOUNT}/delete`, "services", "Delete an account", "Deletes an account and disconnects its endpoints."),
  describe(
    `${ACCOUNT}/privateEndpointConnectionsApproval/action`,
    "services",
    "Approve at once",
    "Lets a new private endpoint reach the account without waiting for approval. ARM asks for it; it is no call.",
  ),
  describe(`${CONNECTION}/read`, "private endpoint connections", "Read connections", "Reads and lists connections."),
  describe(
    `${CONNECTION}/write`,
    "private endpoint connections",
    "Approve or reject a connection",
    "Approves or rejects a private endpoint connection.",
  ),
  describe(
    `${CONNECTION}/delete`,
    "private endpoint connections",
    "Delete a connection",
    "Disconnects a private endpoint and deletes its connection.",
  ),
  describe(
    `${ACCOUNT}/privateLinkResources/read`,
    "private link resources",
    "Read private link resources",
    "Reads what a private endpoint can connect to.",
  ),
  describe(
    `${PROVIDER}/locations/operationresults/read`,
    "operation results",
    "Read how an operation goes",
    "Reads the status of a running operation.",
  ),
  internal(`${PROXY}/read`, "Read proxies", "Reads and lists proxies."),
  internal(`${PROXY}/write`, "Create or change a proxy", "Stores what the network says of a private endpoint."),
  internal(`${PROXY}/delete`, "Delete a proxy", "Disconnects a private endpoint that is deleted."),
  internal(`${PROXY}/validate/action`, "Validate a proxy", "Asks whether a private endpoint may be created."),
  internal(
    `${PROXY}/updatePrivateEndpointProperties/action`,
    "Update a moved endpoint",
    "Tells the new id of a private endpoint that was moved.",
  ),
];

function describe(name: string, resource: string, operation: string, description: string): Operation {
  return {
    name,
    isDataAction: false,
    display: { provider: "Microsoft Healthcare APIs", resource, operation, description },
  };
}

function internal(name: string, operation: string, description: string): Operation {
  return {
    ...describe(name, "private endpoint connection proxies", operation, description),
    origin: "system",
    actionType: "Internal",
  };
}
