import type { Account } from "../accounts/repository.ts";
import { ACCOUNT_TYPE, accountId, PROVIDER } from "../arm/paths.ts";
import type { AnswerOf } from "../contract/contract.ts";
import type { Connection } from "./repository.ts";

/** The ARM id of a connection. */
export function connectionId(account: Account, connection: Connection): string {
  return `${accountId(account)}/privateEndpointConnections/${connection.name}`;
}

/** A connection as its account's owner sees it (arm-contract 2.1, common-types privatelinks v1). */
export function connectionDocument(
  account: Account,
  connection: Connection,
): AnswerOf<"PrivateEndpointConnections_Get"> {
  return {
    id: connectionId(account, connection),
    name: connection.name,
    type: `${PROVIDER}/${ACCOUNT_TYPE}/privateEndpointConnections`,
    ...(Object.keys(connection.system_data).length === 0 ? {} : { systemData: connection.system_data }),
    properties: {
      provisioningState: connection.provisioning_state,
      privateEndpoint: { id: connection.remote_private_endpoint.id },
      privateLinkServiceConnectionState: {
        status: connection.status,
        description: connection.description,
        actionsRequired: connection.actions_required,
      },
    },
  };
}
