import { type RawBuilder, sql } from "kysely";
import type { Account } from "../../accounts/repository.ts";
import type { Queryable } from "../../database/open.ts";
import type { ConnectionStatus } from "../../database/schema.ts";
import { lastDayOfAccount, type Sums } from "../counts/repository.ts";

/** An account, how many connections it has in each state, and what traffic. */
export type AccountRow = Account & {
  readonly counts: Partial<Record<ConnectionStatus, number>>;
  readonly last_day: Sums;
};

/**
 * Accounts by name.
 *
 * @param visible of the table `a`
 * @param filter `account` is a whole name, `search` a part of one, both in any case
 * @param after name of the last account before
 */
export async function listAccounts(
  db: Queryable,
  visible: RawBuilder<boolean>,
  filter: { readonly account?: string; readonly search?: string | undefined },
  after: string | undefined,
  limit: number,
): Promise<AccountRow[]> {
  const { account, search } = filter;
  const conditions = [
    visible,
    ...(account === undefined ? [] : [sql`a.account = ${account.toLowerCase()}`]),
    ...(search === undefined ? [] : [sql`strpos(a.account, ${search.toLowerCase()}) > 0`]),
    ...(after === undefined ? [] : [sql`a.account collate "C" > ${after}`]),
  ];
  const { rows } = await sql<AccountRow>`
    select a.*, (select coalesce(jsonb_object_agg(status, count), '{}') from
      (select status, count(*)::int as count from connections c where c.account = a.account group by status) by_state) as counts,
      ${lastDayOfAccount} as last_day
    from accounts a where ${sql.join(conditions, sql` and `)} order by a.account collate "C" limit ${limit}`.execute(
    db,
  );
  return rows;
}
