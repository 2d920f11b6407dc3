import { randomUUID } from "node:crypto";
import { type Selectable, sql, type Transaction } from "kysely";
import { notify } from "../database/notifications.ts";
import type { Queryable } from "../database/open.ts";
import type { Database, OperationKind, OperationsTable } from "../database/schema.ts";

export type OperationRow = Selectable<OperationsTable>;

/** What is revoked, and where its status is asked for. */
export interface NewOperation {
  readonly kind: OperationKind;
  readonly account: string;
  /** The connection; none when the whole account goes. */
  readonly nameKey?: string;
  readonly subscriptionId: string;
  readonly location: string;
  /** ARM id in the caller's casing. */
  readonly resourceId: string;
  readonly correlationId?: string;
}

/**
 * Records that the caller's transaction revokes something. It ends when no gate can still admit it: the worker looks
 * at the gates after the commit, in a new snapshot (feed rule 23), whether or not anybody polls the operation.
 */
export async function startOperation(tx: Transaction<Database>, operation: NewOperation): Promise<OperationRow> {
  const row = await tx
    .insertInto("operations")
    .values({
      id: randomUUID(),
      kind: operation.kind,
      account: operation.account,
      name_key: operation.nameKey ?? null,
      subscription_id: operation.subscriptionId,
      location: operation.location,
      resource_id: operation.resourceId,
      correlation_id: operation.correlationId ?? null,
      status: "Running",
      revocation: sql`pg_current_xact_id()`,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await notify(tx, "operations");
  return row;
}

/** The operation with that id, running or ended; undefined for an unknown one. */
export function findOperation(db: Queryable, id: string): Promise<OperationRow | undefined> {
  return db.selectFrom("operations").selectAll().where("id", "=", id).executeTakeFirst();
}
