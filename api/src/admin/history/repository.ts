import { type RawBuilder, sql } from "kysely";
import type { Queryable } from "../../database/open.ts";
import type { DecisionsTable } from "../../database/schema.ts";

/** A row of the history, with the person's identity and reason where an admin decided it here. */
export interface DecisionRow {
  readonly id: string;
  /** ISO 8601 as PostgreSQL's JSON writes it, or a date. */
  readonly at: string | Date;
  readonly action: string;
  readonly from_state: string;
  readonly to_state: string;
  readonly comment: string | null;
  readonly account: string;
  readonly subscription_id: string;
  readonly resource_group: string;
  readonly account_name: string;
  readonly connection: string | null;
  readonly via: DecisionsTable["via"];
  readonly by_id: string | null;
  readonly by_name: string | null;
  readonly by_app: string | null;
  readonly correlation_id: string;
  /** Sort value as text: microseconds since 1970. */
  readonly place: string;
}

/** `select ... from decisions d left join decision_intents i`, to which a `where` is added. */
export const decisionColumns = sql`
  select d.id::text as id, d.at, d.action, d.from_state, d.to_state, coalesce(nullif(i.comment, ''), d.comment) as comment,
    d.account, d.subscription_id, d.resource_group, d.account_name, d.connection, d.via,
    coalesce(i.by_id, d.by_id) as by_id, coalesce(i.by_name, d.by_name) as by_name, coalesce(i.by_app, d.by_app) as by_app,
    d.correlation_id, ((extract(epoch from d.at) * 1000000)::bigint)::text as place
  from decisions d left join decision_intents i on d.via = 'portal' and i.correlation_id = d.correlation_id
    and i.account = d.account and i.name_key = d.name_key`;

export interface HistoryFilter {
  readonly account?: string | undefined;
  readonly connection?: string | undefined;
  readonly action?: string | undefined;
  readonly by?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

/**
 * The newest first.
 *
 * @param visible of the table `d`
 * @param after sort value and id of the last row before
 */
export async function listDecisions(
  db: Queryable,
  visible: RawBuilder<boolean>,
  filter: HistoryFilter,
  after: readonly string[] | undefined,
  limit: number,
): Promise<DecisionRow[]> {
  const conditions = [visible, ...conditionsOf(filter)];
  if (after !== undefined) {
    conditions.push(
      sql`(d.at, d.id) < (timestamptz 'epoch' + ${after[0]}::bigint * interval '1 microsecond', ${after[1]}::uuid)`,
    );
  }
  const { rows } = await sql<DecisionRow>`${decisionColumns} where ${sql.join(conditions, sql` and `)}
    order by d.at desc, d.id desc limit ${limit}`.execute(db);
  return rows;
}

function conditionsOf(filter: HistoryFilter): RawBuilder<unknown>[] {
  const { account, connection, action, by, correlationId, since, until } = filter;
  const person = by?.toLowerCase() ?? "";
  return [
    ...(account === undefined ? [] : [sql`d.account = ${account.toLowerCase()}`]),
    ...(connection === undefined ? [] : [sql`d.name_key = ${connection.toLowerCase()}`]),
    ...(action === undefined ? [] : [sql`d.action = ${action}`]),
    ...(person === ""
      ? []
      : [
          sql`(lower(coalesce(i.by_id, d.by_id)) = ${person} or strpos(lower(coalesce(i.by_name, d.by_name)), ${person}) > 0)`,
        ]),
    ...(correlationId === undefined ? [] : [sql`d.correlation_id = ${correlationId}`]),
    ...(since === undefined ? [] : [sql`d.at >= ${since}::timestamptz`]),
    ...(until === undefined ? [] : [sql`d.at < ${until}::timestamptz`]),
  ];
}
