import type { Account } from "../accounts/repository.ts";
import type { Zone } from "../arm/context.ts";
import { ACCOUNT_TYPE, accountId, PROVIDER } from "../arm/paths.ts";

import type { AnswerOf } from "../contract/contract.ts";

/** The one group id of an account, and its one member (requirement: "Get Group Ids"). Compared without regard to case. */
export const GROUP_ID = "fhir";

/** What a private endpoint can connect to, and the private DNS zones it needs (arm-contract 2.1). */
export function linkResourceDocument(account: Account, zones: readonly Zone[]): AnswerOf<"PrivateLinkResources_Get"> {
  return {
    id: `${accountId(account)}/privateLinkResources/${GROUP_ID}`,
    name: GROUP_ID,
    type: `${PROVIDER}/${ACCOUNT_TYPE}/privateLinkResources`,
    properties: {
      groupId: GROUP_ID,
      requiredMembers: [GROUP_ID],
      requiredZoneNames: zones.map(zone => zone.private),
    },
  };
}
