import { type RawBuilder, sql } from "kysely";
import { channels } from "../database/notifications.ts";
import type { Queryable } from "../database/open.ts";
import type { CountLine } from "./read-batch.ts";
import { isAdmitted, isDenied } from "./reasons.ts";

/** What a gate tells of requests. */
export interface Report {
  readonly gate: string;
  readonly incarnation: string;
  /** A place within the process that counts by itself. */
  readonly reporter: string;
  readonly sequence: number;
  /** Seconds since the oldest of its counts was begun. */
  readonly age: number;
  /** What the gate calls itself. */
  readonly version: string;
  readonly lines: readonly CountLine[];
}

/** `known`: it was taken before, or a later one was; `stranger`: the incarnation is another gate's. */
export type Taken = "taken" | "known" | "stranger";

/** How long rows are kept. */
export const KEPT = { minute: sql`interval '1 day'`, hour: sql`interval '90 days'` };

/** Seconds by which an account must be older than a count, for an age in whole seconds and a report's way here. */
const AGE_MARGIN = 2;
/** Lines of one statement, so that none takes long. */
const LINES_AT_ONCE = 5000;

/** Sums are cut off at what a JavaScript number holds exactly. */
export const bounded = (sum: RawBuilder<unknown>): RawBuilder<number> =>
  sql<number>`least(${sum}, ${sql.lit(String(Number.MAX_SAFE_INTEGER))})::bigint`;

/**
 * Counts what gates have told of, in one statement for as many reports as come at one time. Each is taken whole and once: the row
 * of its reporter and its counts are written together.
 *
 * @param reports of different reporters
 * @returns what became of each, in their order
 */
export async function takeReports(db: Queryable, reports: readonly Report[]): Promise<Taken[]> {
  const taken: Taken[] = [];
  for (let rest = reports; rest.length > 0; ) {
    const count = countWithin(rest, LINES_AT_ONCE);
    taken.push(...(await takeTogether(db, rest.slice(0, count))));
    rest = rest.slice(count);
  }
  return taken;
}

/** How many of the reports have so many lines together; at least one. */
function countWithin(reports: readonly Report[], limit: number): number {
  let lines = 0;
  const end = reports.findIndex(report => {
    lines += report.lines.length;
    return lines > limit;
  });
  return end === -1 ? reports.length : Math.max(1, end);
}

async function takeTogether(db: Queryable, reports: readonly Report[]): Promise<Taken[]> {
  const lines = reports.flatMap((report, place) => report.lines.map(line => ({ ...line, place })));
  const { rows } = await sql<{ place: number; is_new: boolean; is_own: boolean }>`
    with report as (
        select * from unnest(${reports.map((_, place) => place)}::int[], ${reports.map(({ incarnation }) => incarnation)}::text[],
          ${reports.map(({ reporter }) => reporter)}::text[], ${reports.map(({ gate }) => gate)}::text[],
          ${reports.map(({ sequence }) => sequence)}::bigint[], ${reports.map(({ version }) => version)}::text[],
          ${reports.map(({ age }) => age)}::double precision[]
        ) as report (place, incarnation, reporter, gate, sequence, version, age)),
      own as (
        select place from report where not exists (
          select from gates g where g.incarnation = report.incarnation and g.gate <> report.gate) and not exists (
          select from reporters r where r.incarnation = report.incarnation and r.gate <> report.gate)),
      -- In one order everywhere, here and below, so that two replicas never wait for each other.
      known as (
        insert into reporters (incarnation, reporter, gate, sequence, version, heard_at)
        select incarnation, reporter, gate, sequence, version, clock_timestamp()
        from report where place in (select place from own) order by incarnation, reporter
        on conflict (incarnation, reporter) do update
          set sequence = excluded.sequence, version = excluded.version, heard_at = excluded.heard_at
          where reporters.gate = excluded.gate and reporters.sequence < excluded.sequence
        returning incarnation, reporter),
      fresh as (
        select place, now() - make_interval(secs => age) as began from report join known using (incarnation, reporter)),
      line as (
        select began, account, reason, link_id, requests, bytes
        from unnest(${lines.map(({ place }) => place)}::int[], ${lines.map(({ account }) => account)}::text[],
          ${lines.map(({ reason }) => reason)}::text[], ${lines.map(({ linkId }) => linkId ?? null)}::bigint[],
          ${lines.map(({ requests }) => requests)}::bigint[], ${lines.map(({ bytes }) => bytes)}::bigint[]
        ) as line (place, account, reason, link_id, requests, bytes) join fresh using (place)),
      placed as (
        select began, reason, requests, bytes, coalesce(a.life, 0) as life, l.link_id is not null as is_linked,
          -- A link belongs to who has it now; one that nobody has, to the connection of this account that had it last.
          case when holder.account = a.account then holder.name_key
            when holder.account is null then past.name_key end as name_key
        from line l
        left join accounts a on a.account = l.account and a.created_at < l.began - make_interval(secs => ${AGE_MARGIN})
        left join link_claims holder on holder.link_id = l.link_id
        left join past_links past on past.life = a.life and past.link_id = l.link_id
          and past.freed_at > now() - ${KEPT.hour}),
      told as (
        select began, reason, requests, bytes, life, coalesce(name_key, '') as name_key,
          case when name_key is not null then 'connection' when is_linked then 'other' else 'public' end as origin
        from placed),
      counted as (
        insert into counts (life, step, at, reason, origin, name_key, requests, bytes)
        select life, step, date_trunc(step, began, 'UTC'), reason, origin, name_key,
          ${bounded(sql`sum(requests)`)}, ${bounded(sql`sum(bytes)`)}
        from told, (values ('minute', ${KEPT.minute}), ('hour', ${KEPT.hour})) as steps (step, kept)
        where began > now() - kept
        group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
        on conflict (life, step, at, reason, origin, name_key) do update
          set requests = ${bounded(sql`counts.requests + excluded.requests`)},
            bytes = ${bounded(sql`counts.bytes + excluded.bytes`)}
        returning life),
      -- Waits for the counts, so that their rows are locked first, always.
      seen as (
        insert into connection_traffic (life, name_key, last_admitted, last_denied)
        select life, name_key, max(date_trunc('minute', began)) filter (where ${isAdmitted}),
          max(date_trunc('minute', began)) filter (where ${isDenied})
        from told where origin = 'connection' and (select count(*) from counted) > 0
        group by life, name_key order by life, name_key
        on conflict (life, name_key) do update
          set last_admitted = greatest(connection_traffic.last_admitted, excluded.last_admitted),
            last_denied = greatest(connection_traffic.last_denied, excluded.last_denied)),
      -- The accounts that somebody may be looking at, some hundred in a message, which may have 8,000 bytes.
      woken as (
        select pg_notify(${channels.counts}, string_agg(life::text, ',')) from (
          select life, (row_number() over ()) / 300 as part from (select distinct life from counted) as lives) as parts
        group by part)
    select place, place in (select place from own) as is_own, place in (select place from fresh) as is_new,
      (select count(*) from woken) as messages
    from report order by place`.execute(db);
  return rows.map(({ is_new: isNew, is_own: isOwn }) => (isNew ? "taken" : isOwn ? "known" : "stranger"));
}
