import { type RawBuilder, sql } from "kysely";
import { bounded } from "../../counts/intake.ts";
import { isAdmitted, isDenied } from "../../counts/reasons.ts";
import type { Queryable } from "../../database/open.ts";
import type { ConnectionStatus, CountsTable } from "../../database/schema.ts";

/** Which counts are wanted. */
export interface CountFilter {
  /** Of the table `a`. */
  readonly visible: RawBuilder<boolean>;
  /** Whether host names that are no account belong to it. */
  readonly withUnknown: boolean;
  readonly step: CountsTable["step"];
  readonly from: Date;
  readonly to: Date;
  readonly account?: string | undefined;
  readonly reason?: string | undefined;
  readonly connection?: string | undefined;
}

export interface Sums {
  readonly requests: number;
  readonly admitted: number;
  readonly denied: number;
  readonly bytes: number;
}

/** A group, and how many of them there are. */
type Grouped<Row> = Row & { readonly groups: number };

export interface DenialRow {
  readonly account: string | null;
  readonly reason: string;
  readonly origin: CountsTable["origin"];
  /** As NRP wrote it, where that is still known. */
  readonly connection: string;
  readonly state: ConnectionStatus | null;
  readonly requests: number;
  readonly last_at: Date;
}

/** `select ... from counts`, each row with its account, null for host names that are none. Two parts, so that each has its index. */
function selectCounts({ visible, withUnknown, ...filter }: CountFilter): RawBuilder<unknown> {
  const { step, from, to, account, reason, connection } = filter;
  const conditions = [
    sql`k.step = ${step} and k.at >= ${from}::timestamptz and k.at < ${to}::timestamptz`,
    ...(reason === undefined ? [] : [sql`k.reason = ${reason}`]),
    ...(connection === undefined ? [] : [sql`k.origin = 'connection' and k.name_key = ${connection.toLowerCase()}`]),
  ];
  const wanted = sql.join(conditions, sql` and `);
  const isAccount = account === undefined ? sql`true` : sql`a.account = ${account.toLowerCase()}`;
  const unknown = sql`union all select null, k.* from counts k where k.life = 0 and ${wanted}`;
  return sql`select a.account, k.* from counts k join accounts a on a.life = k.life
    where ${wanted} and ${visible} and ${isAccount} ${withUnknown && account === undefined ? unknown : sql``}`;
}

const sums = sql`${bounded(sql`coalesce(sum(requests), 0)`)} as requests,
  ${bounded(sql`coalesce(sum(requests) filter (where ${isAdmitted}), 0)`)} as admitted,
  ${bounded(sql`coalesce(sum(requests) filter (where ${isDenied}), 0)`)} as denied,
  ${bounded(sql`coalesce(sum(bytes), 0)`)} as bytes`;

/** Denied requests by time and reason. */
export async function listDenialPoints(db: Queryable, filter: CountFilter) {
  const { rows } = await sql<{ at: Date; reason: string; requests: number }>`
    select at, reason, ${bounded(sql`sum(requests)`)} as requests from (${selectCounts(filter)}) k where ${isDenied}
    group by at, reason order by at, reason collate "C"`.execute(db);
  return rows;
}

/** Denied requests by account, reason and origin, the most first. */
export async function listDenialGroups(db: Queryable, filter: CountFilter, limit: number) {
  const { rows } = await sql<Grouped<DenialRow>>`
    with groups as (
      select life, account, reason, origin, name_key, ${bounded(sql`sum(requests)`)} as requests, max(at) as last_at,
        count(*) over ()::int as groups
      from (${selectCounts(filter)}) k where ${isDenied} group by life, account, reason, origin, name_key
      order by requests desc, account collate "C" nulls last, reason collate "C", origin, name_key collate "C" limit ${limit})
    select g.account, g.reason, g.origin, g.requests, g.last_at, g.groups, c.status as state,
      coalesce(c.name, (select p.name from past_links p where p.life = g.life and p.name_key = g.name_key limit 1),
        g.name_key) as connection
    from groups g left join connections c on g.origin = 'connection' and c.account = g.account and c.name_key = g.name_key
    order by g.requests desc, g.account collate "C" nulls last, g.reason collate "C", g.origin, g.name_key collate "C"`.execute(
    db,
  );
  return rows;
}

/** Traffic by time. */
export async function listTrafficPoints(db: Queryable, filter: CountFilter) {
  const { rows } = await sql<Sums & { at: Date }>`
    select at, ${sums} from (${selectCounts(filter)}) k group by at order by at`.execute(db);
  return rows;
}

/** Traffic by account, the most requests first. */
export async function listTrafficOfAccounts(db: Queryable, filter: CountFilter, limit: number) {
  const { rows } = await sql<Grouped<Sums & { account: string | null }>>`
    select account, ${sums}, count(*) over ()::int as groups from (${selectCounts(filter)}) k
    group by account order by requests desc, account collate "C" nulls last limit ${limit}`.execute(db);
  return rows;
}

/** Traffic altogether. */
export async function sumTraffic(db: Queryable, filter: CountFilter): Promise<Sums> {
  const { rows } = await sql<Sums>`select ${sums} from (${selectCounts(filter)}) k`.execute(db);
  return rows[0] ?? { requests: 0, admitted: 0, denied: 0, bytes: 0 };
}

/** As a JSON document: the traffic of the account `a` in the last 24 whole hours and the one that has begun. */
export const lastDayOfAccount = sql`(select to_jsonb(day) from (
  select ${sums} from counts where life = a.life and step = 'hour'
    and at >= date_trunc('hour', now(), 'UTC') - interval '24 hours') day)`;
