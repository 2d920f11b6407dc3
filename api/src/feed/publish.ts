import { sql, type Transaction } from "kysely";
import { notify } from "../database/notifications.ts";
import type { Database } from "../database/schema.ts";

/**
 * Brings the account's feed row up to date within the caller's transaction, and wakes the gates, and whoever looks on, on
 * commit. Call it after the last change of `accounts` and `connections`.
 *
 * The row tells of the account's public access and of the link ids of its Approved connections, ascending; an account
 * that is missing, being deleted, or of a subscription that is not Registered, becomes a tombstone. Nothing is written when the gates would not be told anything new.
 */
export async function publishAccount(tx: Transaction<Database>, account: string): Promise<void> {
  // feed rule 1: the version counts under the row's lock, and the writer is the 64-bit transaction id in a column of
  // ours. The row is locked before the statement that reads the account: a statement that waited for the lock would
  // carry on with what it had read before, and lose the other transaction's link ids.
  await sql`
    insert into feed (account, version, writer, present, public_access, link_ids)
    select account, 0, pg_current_xact_id(), false, 'disabled', '{}' from accounts where account = ${account}
    on conflict (account) do nothing`.execute(tx);
  const locked = await tx.selectFrom("feed").select("version").where("account", "=", account).forUpdate().execute();
  if (locked.length === 0) return; // never published, and not there now: no gate has heard of it
  const { numAffectedRows } = await sql`
    with told as (
      select count(a.account) = 1 as present,
        case when bool_or(a.public_network_access = 'Enabled') then 'enabled' else 'disabled' end as public_access,
        coalesce((select array_agg(distinct id order by id) from connections c, unnest(c.link_ids) id
          where c.account = ${account} and c.status = 'Approved'), '{}') as link_ids
      from accounts a where a.account = ${account} and a.provisioning_state <> 'Deleting' and a.subscription_state = 'Registered')
    update feed set version = feed.version + 1, writer = pg_current_xact_id(), present = told.present,
      public_access = told.public_access, link_ids = case when told.present then told.link_ids else '{}' end
    from told where feed.account = ${account} and (feed.version = 0
      or (feed.present, feed.public_access, feed.link_ids) is distinct from
        (told.present, told.public_access, case when told.present then told.link_ids else '{}'::bigint[] end))`.execute(
    tx,
  );
  if (numAffectedRows === 1n) await notify(tx, "feed", "changes");
}
