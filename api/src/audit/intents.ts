import type { Queryable } from "../database/open.ts";
import type { DecisionIntentsTable } from "../database/schema.ts";

/** What an admin wants done to one connection, and who it is. */
export interface Intent {
  readonly correlationId: string;
  /** Keys, lower case. */
  readonly account: string;
  readonly nameKey: string;
  readonly action: DecisionIntentsTable["action"];
  readonly comment: string;
  readonly by: { readonly objectId: string; readonly name: string; readonly appId: string };
}

/** Commits who wants what and why, before ARM is asked: the change comes back by a way that knows the correlation id alone. */
export async function recordIntent(db: Queryable, intent: Intent): Promise<void> {
  await db
    .insertInto("decision_intents")
    .values({
      correlation_id: intent.correlationId,
      account: intent.account,
      name_key: intent.nameKey,
      action: intent.action,
      comment: intent.comment,
      by_id: intent.by.objectId,
      by_name: intent.by.name,
      by_app: intent.by.appId,
    })
    .execute();
}

/** ARM has refused for good. Whatever carries this correlation id from now on is not the admin's doing. */
export async function recordRefusal(
  db: Queryable,
  intent: Pick<Intent, "correlationId" | "account" | "nameKey">,
  reason: { readonly code: string; readonly message: string },
): Promise<void> {
  await db
    .insertInto("decision_refusals")
    .values({ correlation_id: intent.correlationId, account: intent.account, name_key: intent.nameKey, ...reason })
    .execute();
}
