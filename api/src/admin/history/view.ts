import type { DecisionView } from "../../../spec/generated/types.ts";
import { accountId } from "../../arm/paths.ts";
import type { DecisionRow } from "./repository.ts";

/** What happened, when, why, and who did it. */
export function toDecisionView(row: DecisionRow): DecisionView {
  const { subscription_id, resource_group, account_name: name } = row;
  return {
    id: row.id,
    at: new Date(row.at).toISOString(),
    action: row.action,
    from: row.from_state,
    to: row.to_state,
    ...(row.comment === null ? {} : { comment: row.comment }),
    accountId: accountId({ subscription_id, resource_group, name }),
    account: row.account,
    ...(row.connection === null ? {} : { connection: row.connection }),
    via: row.via,
    by: {
      ...(row.by_id === null ? {} : { objectId: row.by_id }),
      ...(row.by_name === null ? {} : { name: row.by_name }),
      ...(row.by_app === null ? {} : { appId: row.by_app }),
    },
    correlationId: row.correlation_id,
  };
}
