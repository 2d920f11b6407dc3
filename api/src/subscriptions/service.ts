import type { Transaction } from "kysely";
import { lockAccount, updateAccount } from "../accounts/repository.ts";
import { beginDeletion } from "../accounts/service.ts";
import { notify } from "../database/notifications.ts";
import type { OpenDatabase } from "../database/open.ts";
import type { Database, SubscriptionState } from "../database/schema.ts";
import { publishAccount } from "../feed/publish.ts";
import { findSubscription, holdState, listUnsettled, lockState, saveState, settle } from "./repository.ts";

/**
 * Takes the state that ARM announces (ARM RPC, subscription lifecycle: any state may follow any, and may be repeated).
 * The accounts follow one by one, each in a transaction of its own.
 *
 * @returns whether all of them have, so that ARM need not ask again
 */
export async function announceState(
  tx: Transaction<Database>,
  id: string,
  state: SubscriptionState,
  correlationId: string,
): Promise<boolean> {
  await lockState(tx, id);
  await saveState(tx, id, state, correlationId);
  await notify(tx, "operations");
  return await settle(tx, id);
}

/** Settles every subscription whose accounts have all followed. @returns whether any is left */
export async function settleAll(db: OpenDatabase["db"]): Promise<boolean> {
  let isAnyLeft = false;
  for (const id of await listUnsettled(db)) {
    const settled = await db.transaction().execute(async tx => {
      await lockState(tx, id);
      return await settle(tx, id);
    });
    isAnyLeft ||= !settled;
  }
  return isAnyLeft;
}

/** Brings one account into its subscription's state: on or off the gates, or on its way out. */
export async function followSubscription({ db }: Pick<OpenDatabase, "db">, key: string): Promise<void> {
  await db.transaction().execute(async tx => {
    const account = await lockAccount(tx, key);
    if (account === undefined) return;
    // A state announced after this one was read would be settled by what the account was before it followed.
    await holdState(tx, account.subscription_id);
    const subscription = await findSubscription(tx, account.subscription_id);
    if (subscription === undefined) return;
    if (account.subscription_state === subscription.state) return;
    const caller = { systemData: {}, correlationId: subscription.correlation_id };
    if (subscription.state === "Deleted") await beginDeletion(tx, account, caller);
    await updateAccount(tx, key, { subscription_state: subscription.state });
    await publishAccount(tx, key);
  });
}
