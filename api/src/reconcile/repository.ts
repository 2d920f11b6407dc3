import { sql, type Transaction } from "kysely";
import type { Account } from "../accounts/repository.ts";
import type { Connection } from "../connections/repository.ts";
import type { Queryable } from "../database/open.ts";
import type { Database } from "../database/schema.ts";

/** Rows of a page. */
const PAGE = 200;

/** All accounts that are not being deleted, a page at a time, in the order of their names. */
export async function* pageAccounts(db: Queryable): AsyncGenerator<Account[]> {
  for (let after = ""; ; ) {
    const accounts = await db
      .selectFrom("accounts")
      .selectAll()
      .where("account", ">", after)
      .where("provisioning_state", "!=", "Deleting")
      .orderBy("account")
      .limit(PAGE)
      .execute();
    if (accounts.length > 0) yield accounts;
    const last = accounts.at(-1);
    if (last === undefined || accounts.length < PAGE) return;
    after = last.account;
  }
}

/** An account's connections that are not on their way out already. */
export async function listStanding(db: Queryable, account: string): Promise<Connection[]> {
  return await db
    .selectFrom("connections")
    .selectAll()
    .where("account", "=", account)
    .where("status", "!=", "Disconnected")
    .orderBy("name_key")
    .execute();
}

/** Remembers that the registry of this epoch has been reconciled as a whole. False when the epoch has changed meanwhile. */
export async function recordReconciled(db: Queryable | Transaction<Database>, epoch: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("registry")
    .set({ reconciled_epoch: epoch, reconciled_at: sql`clock_timestamp()` })
    .where("epoch", "=", epoch)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}
