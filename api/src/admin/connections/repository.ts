import { type RawBuilder, sql } from "kysely";
import type { Connection } from "../../connections/repository.ts";
import type { Queryable } from "../../database/open.ts";
import type { ConnectionStatus, OperationKind } from "../../database/schema.ts";
import { type DecisionRow, decisionColumns } from "../history/repository.ts";

/** A connection, where it is, what happened to it last, and how far that has come. */
export interface ConnectionRow extends Connection {
  readonly subscription_id: string;
  readonly resource_group: string;
  readonly account_name: string;
  /** The value that the list is sorted by, as text. */
  readonly place: string;
  readonly last: DecisionRow | null;
  readonly operation: { id: string; kind: OperationKind; started_at: string; has_passed: boolean } | null;
  readonly gates: number;
  readonly in_force: number;
  readonly waiting_for: readonly string[];
  readonly last_admitted: Date | null;
  readonly last_denied: Date | null;
}

export type Sort = "requested" | "name" | "account" | "state" | "endpoint" | "changed";

export interface ConnectionFilter {
  readonly visible: RawBuilder<boolean>;
  readonly state?: readonly ConnectionStatus[] | undefined;
  readonly account?: string | undefined;
  readonly name?: string | undefined;
  readonly search?: string | undefined;
}

export interface PageRequest {
  readonly sort: Sort;
  readonly order: "asc" | "desc";
  /** Sort value, account and key of the last row before. */
  readonly after?: readonly string[] | undefined;
  readonly limit: number;
}

/** Microseconds since 1970, which is all that PostgreSQL knows of a time. */
export const microseconds = (time: RawBuilder<unknown>): RawBuilder<number> =>
  sql<number>`(extract(epoch from ${time}) * 1000000)::bigint`;

const LAST_CHANGE = sql`coalesce((select max(d.at) from decisions d
  where d.account = c.account and d.name_key = c.name_key), c.created_at)`;

/** Byte order, the same on every server, and what the cursor's text compares as. */
const text = (value: RawBuilder<unknown>): RawBuilder<unknown> => sql`(${value}) collate "C"`;

const SORTS: Record<Sort, { readonly value: RawBuilder<unknown>; readonly type: "bigint" | "text" }> = {
  requested: { value: microseconds(sql`c.created_at`), type: "bigint" },
  changed: { value: microseconds(LAST_CHANGE), type: "bigint" },
  name: { value: text(sql`c.name_key`), type: "text" },
  account: { value: text(sql`c.account`), type: "text" },
  state: { value: text(sql`c.status`), type: "text" },
  endpoint: { value: text(sql`lower(coalesce(c.remote_private_endpoint ->> 'id', ''))`), type: "text" },
};

/** One page of the connections that a filter lets through; from the rows of the page alone what costs more is looked up. */
export async function listConnections(
  db: Queryable,
  filter: ConnectionFilter,
  { sort, order, after, limit }: PageRequest,
): Promise<ConnectionRow[]> {
  const { value, type } = SORTS[sort];
  const [forward, direction] = order === "asc" ? [sql`>`, sql`asc`] : [sql`<`, sql`desc`];
  const beyond =
    after === undefined
      ? sql`true`
      : sql`(${value}, c.account collate "C", c.name_key collate "C") ${forward}
          (${after[0]}::${sql.raw(type)}, ${after[1]}::text, ${after[2]}::text)`;
  const { rows } = await sql<ConnectionRow>`
    with page as (
      select c.*, a.life, a.subscription_id, a.resource_group, a.name as account_name, ${value} as sorted
      from connections c join accounts a on a.account = c.account
      where ${matches(filter, true)} and ${beyond}
      order by ${value} ${direction}, c.account collate "C" ${direction}, c.name_key collate "C" ${direction}
      limit ${limit})
    select page.*, page.sorted::text as place, last.row as last, progress.*, t.last_admitted, t.last_denied,
      case when o.id is not null then jsonb_build_object('id', o.id, 'kind', o.kind, 'started_at', o.started_at,
        'has_passed', o.barrier_passed_at is not null) end as operation
    from page
    -- the etag of a resource with a running operation is that operation's id
    left join operations o on o.id = page.etag and o.status = 'Running'
    left join feed f on f.account = page.account
    left join connection_traffic t on t.life = page.life and t.name_key = page.name_key
    left join lateral (
      select to_jsonb(one) as row from (${decisionColumns}
        where d.account = page.account and d.name_key = page.name_key
          and lower(d.subscription_id) = lower(page.subscription_id) and lower(d.resource_group) = lower(page.resource_group)
        order by d.at desc, d.id desc limit 1) one) last on true
    cross join lateral (
      select count(*)::int as gates, count(*) filter (where has_it)::int as in_force,
        coalesce(jsonb_agg(gate order by gate) filter (where not has_it), '[]') as waiting_for
      from (select gate, coalesce(pg_visible_in_snapshot(coalesce(o.revocation, f.writer), acknowledged), false) as has_it
        from gates where state = 'live') live) progress
    order by page.sorted ${direction}, page.account collate "C" ${direction}, page.name_key collate "C" ${direction}`.execute(
    db,
  );
  return rows;
}

/** How many connections there are in each state, of those that the rest of the filter lets through. */
export async function countByState(db: Queryable, filter: ConnectionFilter): Promise<Record<ConnectionStatus, number>> {
  const { rows } = await sql<{ status: ConnectionStatus; count: number }>`
    select c.status, count(*)::int as count from connections c join accounts a on a.account = c.account
    where ${matches(filter, false)} group by c.status`.execute(db);
  const counts = { Pending: 0, Approved: 0, Rejected: 0, Disconnected: 0 };
  for (const { status, count } of rows) counts[status] = count;
  return counts;
}

function matches({ visible, state, account, name, search }: ConnectionFilter, byState: boolean): RawBuilder<boolean> {
  const needle = search?.toLowerCase() ?? "";
  const conditions = [
    visible,
    ...(byState && state !== undefined && state.length > 0 ? [sql`c.status = any (${[...state]}::text[])`] : []),
    ...(account === undefined ? [] : [sql`c.account = ${account.toLowerCase()}`]),
    ...(name === undefined ? [] : [sql`c.name_key = ${name.toLowerCase()}`]),
    ...(needle === ""
      ? []
      : [
          sql`(strpos(c.name_key, ${needle}) > 0 or strpos(lower(c.description), ${needle}) > 0
            or strpos(lower(c.remote_private_endpoint ->> 'id'), ${needle}) > 0 or ${needle} = any (c.link_ids::text[]))`,
        ]),
  ];
  return sql<boolean>`${sql.join(conditions, sql` and `)}`;
}
