import { type Selectable, sql, type Transaction, type Updateable } from "kysely";
import type { Queryable } from "../database/open.ts";
import type { AccountsTable, Database } from "../database/schema.ts";

export type Account = Selectable<AccountsTable>;

/** An account before it is written: the columns as values, not as JSON text. The database adds which life of the name it is. */
export type NewAccount = Omit<Account, "life" | "created_at">;

/** What a later write may change. */
export type AccountChange = Partial<Omit<NewAccount, "account" | "resource_type">>;

/** Where a page of a list begins: after this account, whose key is lower case. */
export interface ListPosition {
  resourceGroup: string;
  account: string;
}

/** @param key the account's name, lower case */
export async function findAccount(db: Queryable, key: string): Promise<Account | undefined> {
  return await db.selectFrom("accounts").selectAll().where("account", "=", key).executeTakeFirst();
}

/**
 * Reads an account and keeps every other writer of it, its connections and its claims waiting until the transaction
 * ends. Always the first lock a transaction takes, so that two of them can't wait for each other.
 */
export async function lockAccount(tx: Transaction<Database>, key: string): Promise<Account | undefined> {
  return await tx.selectFrom("accounts").selectAll().where("account", "=", key).forUpdate().executeTakeFirst();
}

/** @returns undefined when the name was taken meanwhile */
export async function insertAccount(tx: Transaction<Database>, account: NewAccount): Promise<Account | undefined> {
  return await tx
    .insertInto("accounts")
    .values({
      ...account,
      tags: JSON.stringify(account.tags),
      properties: JSON.stringify(account.properties),
      system_data: JSON.stringify(account.system_data),
    })
    .onConflict(conflict => conflict.column("account").doNothing())
    .returningAll()
    .executeTakeFirst();
}

export async function updateAccount(tx: Transaction<Database>, key: string, change: AccountChange): Promise<Account> {
  const { tags, properties, system_data: systemData, ...plain } = change;
  const set: Updateable<AccountsTable> = {
    ...plain,
    ...(tags === undefined ? {} : { tags: JSON.stringify(tags) }),
    ...(properties === undefined ? {} : { properties: JSON.stringify(properties) }),
    ...(systemData === undefined ? {} : { system_data: JSON.stringify(systemData) }),
  };
  return await tx.updateTable("accounts").set(set).where("account", "=", key).returningAll().executeTakeFirstOrThrow();
}

/**
 * One page of a subscription's accounts, or of one resource group's, in the order of group and name.
 *
 * @param limit rows at most
 */
export async function listAccounts(
  db: Queryable,
  scope: { subscriptionId: string; resourceGroup?: string },
  after: ListPosition | undefined,
  limit: number,
): Promise<Account[]> {
  let query = db
    .selectFrom("accounts")
    .selectAll()
    .where(sql<boolean>`lower(subscription_id) = lower(${scope.subscriptionId})`);
  if (scope.resourceGroup !== undefined) {
    query = query.where(sql<boolean>`lower(resource_group) = lower(${scope.resourceGroup})`);
  }
  if (after !== undefined) {
    query = query.where(
      sql<boolean>`(lower(resource_group), account) > (lower(${after.resourceGroup}), ${after.account})`,
    );
  }
  return await query.orderBy(sql`lower(resource_group)`).orderBy("account").limit(limit).execute();
}
