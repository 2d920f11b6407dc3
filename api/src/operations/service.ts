import type { Selectable, Transaction } from "kysely";
import type { Queryable } from "../database/open.ts";
import type { Database, OperationKind, OperationsTable } from "../database/schema.ts";

export type OperationRow = Selectable<OperationsTable>;

export interface NewOperation {
  readonly kind: OperationKind;
  readonly account: string;
  readonly nameKey?: string;
  readonly subscriptionId: string;
  readonly location: string;
  readonly resourceId: string;
  readonly correlationId?: string;
}

/** Records that the caller's transaction revokes something; the operation ends when no gate can still admit it. */
export async function startOperation(_tx: Transaction<Database>, _operation: NewOperation): Promise<OperationRow> {
  throw new Error("not written yet");
}

/** The operation with that id, or undefined. */
export async function findOperation(_db: Queryable, _id: string): Promise<OperationRow | undefined> {
  throw new Error("not written yet");
}
