import type { Queryable } from "../database/open.ts";
import type { ProvisioningState } from "../database/schema.ts";
import { findOperation, type OperationRow } from "../operations/service.ts";

/**
 * The operation that runs on a resource. An operation belongs to one revision of its resource: while it runs, the etag
 * of that revision is the operation's id. Whatever comes later draws a new etag, so an operation that ends late finds
 * that its resource has moved on, and touches nothing (see `finish.ts`).
 *
 * @returns undefined when none runs
 */
export async function findRunningOperation(
  db: Queryable,
  resource: { provisioning_state: ProvisioningState; etag: string },
): Promise<OperationRow | undefined> {
  return resource.provisioning_state === "Succeeded" ? undefined : await requireOperation(db, resource.etag);
}

/** An operation that must be there, because a resource says that it runs. */
export async function requireOperation(db: Queryable, id: string): Promise<OperationRow> {
  const operation = await findOperation(db, id);
  if (operation === undefined) throw new Error(`operation ${id} is named by its resource and missing`);
  return operation;
}
