import { ACCOUNT_TYPE, accountId, PROVIDER } from "../arm/paths.ts";
import { quoteEtag } from "../arm/preconditions.ts";
import { connectionDocument } from "../connections/document.ts";
import type { Connection } from "../connections/repository.ts";
import type { AnswerOf } from "../contract/contract.ts";
import type { Account } from "./repository.ts";

/** An account as ARM's clients see it (arm-contract 2.1), with its private link information (requirement: REST calls, row 5). */
export function accountDocument(account: Account, connections: readonly Connection[]): AnswerOf<"Services_Get"> {
  return {
    id: accountId(account),
    name: account.name,
    type: `${PROVIDER}/${ACCOUNT_TYPE}`,
    location: account.location,
    kind: account.kind,
    etag: quoteEtag(account.etag),
    tags: account.tags,
    ...(Object.keys(account.system_data).length === 0 ? {} : { systemData: account.system_data }),
    properties: {
      ...account.properties,
      provisioningState: shownState(account),
      publicNetworkAccess: account.public_network_access,
      privateEndpointConnections: connections.map(connection => connectionDocument(account, connection)),
    },
  };
}

/** ARM RPC, "Subscription States": the resources of a suspended subscription are marked so. */
function shownState({
  provisioning_state: own,
  subscription_state: subscription,
}: Account): Account["provisioning_state"] | "Warned" | "Suspended" {
  return own === "Succeeded" && (subscription === "Warned" || subscription === "Suspended") ? subscription : own;
}
