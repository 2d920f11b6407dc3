import type { Transaction } from "kysely";
import { ArmError } from "../arm/errors.ts";
import type { Queryable } from "../database/open.ts";
import type { Database, SubscriptionState } from "../database/schema.ts";
import { findSubscription, holdState } from "./repository.ts";

/** What can be asked for in each state (ARM RPC, "Subscription States"); of a deleted one ARM says nothing, its rest can go. */
const PERMITTED: Readonly<Record<SubscriptionState, readonly string[] | undefined>> = {
  Registered: undefined,
  Warned: ["GET", "DELETE"],
  Suspended: ["GET", "DELETE"],
  Deleted: ["GET", "DELETE"],
  Unregistered: ["GET"],
};

/**
 * Refuses what a subscription's state does not allow. One that ARM never announced counts as Registered.
 *
 * @throws ArmError InvalidSubscriptionState
 */
export async function requirePermission(db: Queryable, id: string, method: string): Promise<void> {
  const state = (await findSubscription(db, id))?.state ?? "Registered";
  if (!(PERMITTED[state]?.includes(method) ?? true)) {
    throw new ArmError("InvalidSubscriptionState", `The subscription '${id}' is ${state}, which allows no ${method}.`);
  }
}

/** The same for a new account, and the state stays as it is until that has been committed: a later one finds the account. */
export async function holdPermission(tx: Transaction<Database>, id: string): Promise<void> {
  await holdState(tx, id);
  await requirePermission(tx, id, "PUT");
}
