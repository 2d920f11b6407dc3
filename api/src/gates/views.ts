import { sql } from "kysely";
import type { Queryable } from "../database/open.ts";
import type { GateRow } from "./repository.ts";

/** An operation that waits for a gate. */
export interface WaitingOperation {
  readonly id: string;
  readonly kind: string;
  readonly resourceId: string;
  readonly startedAt: string;
}

/** A gate as a platform engineer sees it. */
export interface GateView {
  readonly name: string;
  readonly incarnation: string;
  readonly state: GateRow["state"];
  /** ISO 8601; an open poll renews it. */
  readonly heardAt: string;
  /** Seconds that its table may live without news. */
  readonly maxAge: number;
  /** Live, and silent for 10 s (design 4). */
  readonly lost: boolean;
  /** What ends only when this gate has acknowledged it, said goodbye, been retired or been given up. */
  readonly waiting: readonly WaitingOperation[];
}

/** Seconds of silence after which a live gate is shown as lost (design 4). */
const LOST_AFTER = 10;

/** The live gates, lost ones among them, and those that ended within the last day; by name, the newest first. */
export async function listGates(db: Queryable): Promise<GateView[]> {
  const { rows } = await sql<GateRow & { lost: boolean; waiting: WaitingOperation[] }>`
    select g.*, g.state = 'live' and g.heard_at < clock_timestamp() - make_interval(secs => ${LOST_AFTER}) as lost,
      coalesce((select jsonb_agg(jsonb_build_object('id', o.id, 'kind', o.kind, 'resourceId', o.resource_id,
          'startedAt', to_char(o.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by o.started_at, o.id)
        from operations o where g.state = 'live' and o.status = 'Running' and o.barrier_passed_at is null
          and not coalesce(pg_visible_in_snapshot(o.revocation, g.acknowledged), false)), '[]') as waiting
    from gates g where g.state = 'live' or g.heard_at > clock_timestamp() - interval '1 day'
    order by g.gate, g.first_heard desc, g.incarnation`.execute(db);
  return rows.map(row => toGateView(row, row.waiting, row.lost));
}

/** The view of one gate, as it was read. */
export function toGateView(gate: GateRow, waiting: readonly WaitingOperation[], lost = false): GateView {
  return {
    name: gate.gate,
    incarnation: gate.incarnation,
    state: gate.state,
    heardAt: gate.heard_at.toISOString(),
    maxAge: gate.max_age,
    lost,
    waiting,
  };
}
