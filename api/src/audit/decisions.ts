import { sql, type Transaction } from "kysely";
import type { Account } from "../accounts/repository.ts";
import type { Caller } from "../arm/system-data.ts";
import { notify } from "../database/notifications.ts";
import type { ConnectionStatus, Database } from "../database/schema.ts";

/** What happened, as the history names it. */
export type DecisionAction =
  | "request"
  | "approve"
  | "reject"
  | "remove"
  | "update"
  | "delete-account"
  | "set-public-access";

/** One change of state, as the transaction that makes it knows it. */
export interface Decision {
  readonly account: Account;
  /** None where the account itself changed. */
  readonly connection?: { readonly name: string; readonly name_key: string };
  readonly action: DecisionAction;
  /** `Absent` for what was not there before. */
  readonly from: string;
  readonly to: string;
  /** The reason given, where one was. */
  readonly comment?: string;
  readonly caller: Caller;
}

/**
 * Writes a change of state into the history, in the transaction of the change, and wakes whoever looks on.
 *
 * An admin's decision comes back from ARM as a call of NRP's. It is put down to the admin when there is an intent of the
 * same correlation id, account, connection and action that ARM has not refused, and only once: a correlation id can be
 * read in logs and sent again by anybody whom ARM lets in. Call it while the account is locked.
 */
export async function recordDecision(tx: Transaction<Database>, decision: Decision): Promise<void> {
  const { account, connection, action, caller } = decision;
  const nameKey = connection?.name_key ?? null;
  const by = caller.by;
  await sql`
    insert into decisions (account, subscription_id, resource_group, account_name, name_key, connection, action,
      from_state, to_state, comment, via, by_id, by_name, by_app, correlation_id)
    select ${account.account}, ${account.subscription_id}, ${account.resource_group}, ${account.name}, ${nameKey},
      ${connection?.name ?? null}, ${action}, ${decision.from}, ${decision.to}, ${decision.comment ?? null},
      case when exists (select from decision_intents i
        where i.correlation_id = ${caller.correlationId} and i.account = ${account.account} and i.name_key = ${nameKey}
          and i.action = ${action} and i.at > clock_timestamp() - make_interval(mins => ${INTENT_LIFE})
          and not exists (select from decision_refusals r where (r.correlation_id, r.account, r.name_key) =
            (i.correlation_id, i.account, i.name_key))
          and not exists (select from decisions d where d.via = 'portal' and (d.correlation_id, d.account, d.name_key) =
            (i.correlation_id, i.account, i.name_key)))
        then 'portal' else ${by?.via ?? "linkgate"} end,
      ${by?.objectId ?? null}, ${by?.name ?? caller.systemData.lastModifiedBy ?? null}, ${by?.appId ?? null},
      ${caller.correlationId}`.execute(tx);
  await notify(tx, "changes");
}

/** Minutes in which ARM and NRP have carried an admin's decision here, or never will. */
const INTENT_LIFE = 15;

/** What a change of a connection's state is called. */
export function nameAction(from: ConnectionStatus | "Absent", to: ConnectionStatus): DecisionAction {
  if (from === to) return "update";
  switch (to) {
    case "Pending":
      return "request";
    case "Approved":
      return "approve";
    case "Rejected":
      return "reject";
    case "Disconnected":
      return "remove";
  }
}
