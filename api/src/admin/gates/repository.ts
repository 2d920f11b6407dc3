import { type RawBuilder, sql } from "kysely";
import type { Queryable } from "../../database/open.ts";
import type { GateRow } from "../../gates/repository.ts";

/** A gate, and what is not in force there. */
export interface GateStanding extends GateRow {
  readonly lost: boolean;
  readonly behind: number;
  /** Of its last report of traffic; null before the first one. */
  readonly version: string | null;
  readonly reported_at: Date | null;
  readonly waiting: readonly { id: string; kind: string; resourceId: string; startedAt: string }[];
}

/** Seconds of silence after which a live gate is shown as lost (design 4). */
const LOST_AFTER = 10;

/**
 * The live gates, lost ones among them, and those that ended within the last day; by name, the newest first.
 *
 * @param visible of a table `a` with the places of accounts: only what belongs to these is told of
 * @param incarnation this one alone, however long ago it ended
 */
export async function listGates(
  db: Queryable,
  visible: RawBuilder<boolean>,
  incarnation?: string,
): Promise<GateStanding[]> {
  const isWanted =
    incarnation === undefined
      ? sql`g.state = 'live' or g.heard_at > clock_timestamp() - interval '1 day'`
      : sql`g.incarnation = ${incarnation}`;
  const { rows } = await sql<GateStanding>`
    with open as (
      select o.* from operations o
      left join lateral (select o.subscription_id, split_part(o.resource_id, '/', 5) as resource_group, o.account) a on true
      where o.status = 'Running' and o.barrier_passed_at is null and ${visible})
    select g.*, g.state = 'live' and g.heard_at < clock_timestamp() - make_interval(secs => ${LOST_AFTER}) as lost,
      case when g.state = 'live' then (select count(*)::int from feed f join accounts a on a.account = f.account
        where (g.acknowledged is null or f.writer >= pg_snapshot_xmin(g.acknowledged))
          and not coalesce(pg_visible_in_snapshot(f.writer, g.acknowledged), false) and ${visible}) else 0 end as behind,
      coalesce((select jsonb_agg(jsonb_build_object('id', o.id, 'kind', o.kind, 'resourceId', o.resource_id,
          'startedAt', to_char(o.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by o.started_at, o.id)
        from open o where g.state = 'live'
          and not coalesce(pg_visible_in_snapshot(o.revocation, g.acknowledged), false)), '[]') as waiting,
      told.version, told.heard_at as reported_at
    from gates g left join lateral (
      select version, heard_at from reporters r where r.incarnation = g.incarnation and r.gate = g.gate
      order by heard_at desc limit 1) told on true
    where ${isWanted}
    order by g.gate, g.first_heard desc, g.incarnation`.execute(db);
  return rows;
}
