import { type Selectable, sql, type Transaction } from "kysely";
import type { Queryable } from "../database/open.ts";
import type { Database, SubscriptionState, SubscriptionsTable } from "../database/schema.ts";

export type Subscription = Selectable<SubscriptionsTable>;

/** What ARM has announced; undefined for a subscription that it never did. */
export async function findSubscription(db: Queryable, id: string): Promise<Subscription | undefined> {
  return await db
    .selectFrom("subscriptions")
    .selectAll()
    .where("subscription_id", "=", id.toLowerCase())
    .executeTakeFirst();
}

/** Keeps the state as it is until the transaction ends; many may hold this at once. */
export async function holdState(tx: Transaction<Database>, id: string): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(hashtext('subscription'), hashtext(${id.toLowerCase()}))`.execute(tx);
}

/** Waits for all who hold the state, and keeps others from holding it until the transaction ends. */
export async function lockState(tx: Transaction<Database>, id: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('subscription'), hashtext(${id.toLowerCase()}))`.execute(tx);
}

/** Stores a state. The same state again changes nothing. */
export async function saveState(
  tx: Transaction<Database>,
  id: string,
  state: SubscriptionState,
  correlationId: string,
): Promise<void> {
  const values = { state, correlation_id: correlationId, settled: false, changed_at: sql<Date>`clock_timestamp()` };
  await tx
    .insertInto("subscriptions")
    .values({ subscription_id: id.toLowerCase(), ...values })
    .onConflict(conflict =>
      conflict.column("subscription_id").doUpdateSet(values).where("subscriptions.state", "!=", state),
    )
    .execute();
}

/** An account that has still to be brought into its subscription's state. */
export async function findUnsettledAccount(db: Queryable): Promise<string | undefined> {
  const row = await db
    .selectFrom("subscriptions")
    .innerJoin("accounts", join =>
      join.on(sql<boolean>`lower(accounts.subscription_id) = subscriptions.subscription_id`),
    )
    .select("accounts.account")
    .where("settled", "=", false)
    .whereRef("accounts.subscription_state", "!=", "subscriptions.state")
    .limit(1)
    .executeTakeFirst();
  return row?.account;
}

/** The subscriptions that something may be left to be done for. */
export async function listUnsettled(db: Queryable): Promise<string[]> {
  const rows = await db.selectFrom("subscriptions").select("subscription_id").where("settled", "=", false).execute();
  return rows.map(row => row.subscription_id);
}

/**
 * Settles a subscription that has nothing left to be done: every account is in its state, and of a deleted one there is
 * none. Call it with the state locked, or an account that is just being created, or follows another state, could be overlooked.
 *
 * @returns whether it is settled
 */
export async function settle(tx: Transaction<Database>, id: string): Promise<boolean> {
  const key = id.toLowerCase();
  await sql`update subscriptions s set settled = true where subscription_id = ${key} and not settled and not exists (
    select from accounts a where lower(a.subscription_id) = s.subscription_id
      and (a.subscription_state <> s.state or s.state = 'Deleted'))`.execute(tx);
  return (await findSubscription(tx, key))?.settled === true;
}
