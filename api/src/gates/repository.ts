import { type RawBuilder, type Selectable, sql, type Transaction } from "kysely";
import { epochHere, RegistryUnavailable } from "../database/epoch.ts";
import { notify } from "../database/notifications.ts";
import type { OpenDatabase, Queryable } from "../database/open.ts";
import type { CursorsTable, Database, GatesTable } from "../database/schema.ts";
import { isFromLostTime } from "../feed/cursor-names.ts";

export type GateRow = Selectable<GatesTable>;
export type CursorRow = Pick<Selectable<CursorsTable>, "cursor" | "base" | "sweep" | "last_account">;

/** What a poll says of the gate that sends it. */
export interface Hearing {
  /** 32 hex digits, drawn by the process at its start (feed rule 10). The barrier knows gates by nothing else. */
  readonly incarnation: string;
  /** For people, and the one its token belongs to. Two processes may have the same name (feed rule 11). */
  readonly gate: string;
  /** Undefined in a first load or a reload. */
  readonly cursor: string | undefined;
  /** Seconds. */
  readonly maxAge: number;
}

/**
 * How the registry goes on with a poll: `serve`, from the cursor or from the start; `keep`, start over while the old
 * table may serve; `drop`, this incarnation is over; `stranger`, it belongs to a gate of another name; `lost`, the gate
 * shows what only a later state of this database can have handed out.
 */
export type Recorded =
  | { readonly kind: "serve"; readonly cursor: CursorRow | undefined }
  | { readonly kind: "keep" }
  | { readonly kind: "drop" }
  | { readonly kind: "stranger" }
  | { readonly kind: "lost" };

/**
 * The cursor of a poll went while the poll was being answered: the gate has asked again, or the database below was put
 * back to an older state. What the cursor stands for must not be believed; asked again, `recordPolls` finds out.
 */
export class CursorForgotten extends RegistryUnavailable {
  constructor() {
    super("the cursor is not known any more; ask again");
  }
}

/**
 * Feed rule 12, first step: commits incarnation, time heard (database clock), acknowledgement and age limit of several gates,
 * before any snapshot is taken that their polls may be answered from. Durable when this returns (feed rule 26).
 *
 * @param hearings of different incarnations
 * @returns what becomes of each, in their order
 */
export function recordPolls(db: OpenDatabase["db"], hearings: readonly Hearing[]): Promise<Recorded[]> {
  return db.transaction().execute(async tx => {
    const refused = await hear(tx, hearings);
    const shown = await findCursors(tx, hearings);
    const recorded: Recorded[] = [];
    for (const hearing of hearings) {
      const refusal = refused.get(hearing.incarnation);
      const cursor = shown.get(hearing.incarnation);
      if (refusal !== undefined) recorded.push(refusal);
      else if (hearing.cursor === undefined || cursor !== undefined) recorded.push({ kind: "serve", cursor });
      // feed rule 6: a cursor that this registry does not remember handing to this gate, in this epoch, means start over.
      else recorded.push({ kind: (await isLost(tx, hearing.cursor, hearing.incarnation)) ? "lost" : "keep" });
    }
    const settled = hearings.filter(({ incarnation }) => shown.has(incarnation) && !refused.has(incarnation));
    if (settled.length > 0) await settle(tx, settled);
    return recorded;
  });
}

async function isLost(tx: Transaction<Database>, cursor: string, incarnation: string): Promise<boolean> {
  const { rows } = await sql<{ lost: boolean | null }>`select ${isFromLostTime(cursor, incarnation)} as lost`.execute(
    tx,
  );
  return rows[0]?.lost === true;
}

/** Makes or refreshes the gates' rows. Returns those whose incarnation is not live, or not theirs. */
async function hear(tx: Transaction<Database>, hearings: readonly Hearing[]): Promise<Map<string, Recorded>> {
  const incarnations = hearings.map(({ incarnation }) => incarnation);
  // feed rule 14: a row without an acknowledgement is waited for, from the first poll on.
  // feed rule 11: another incarnation of the same name is another row; nothing replaces it.
  // In one order everywhere, so that two replicas that hear the same gates never wait for each other.
  const { rows } = await sql<{ incarnation: string }>`
    insert into gates (incarnation, gate, state, heard_at, max_age)
    select incarnation, gate, 'live', clock_timestamp(), max_age
    from unnest(${incarnations}::text[], ${hearings.map(({ gate }) => gate)}::text[],
      ${hearings.map(({ maxAge }) => maxAge)}::double precision[]) as heard (incarnation, gate, max_age)
    order by incarnation
    on conflict (incarnation) do update set heard_at = clock_timestamp(),
      -- feed rule 16: the larger of old and new, until it is known that the answer with the new one has arrived
      max_age = greatest(gates.max_age, excluded.max_age)
    where gates.state = 'live' and gates.gate = excluded.gate
    returning incarnation`.execute(tx);
  const heard = new Set(rows.map(({ incarnation }) => incarnation));
  const others = hearings.filter(({ incarnation }) => !heard.has(incarnation));
  if (others.length === 0) return new Map();
  const known = await tx
    .selectFrom("gates")
    .select(["incarnation", "gate"])
    .where(
      "incarnation",
      "in",
      others.map(({ incarnation }) => incarnation),
    )
    .execute();
  const names = new Map(known.map(({ incarnation, gate }) => [incarnation, gate]));
  // feed rule 25: retired, given up or ended is for ever.
  return new Map(
    others.map(({ incarnation, gate }) => [
      incarnation,
      { kind: names.get(incarnation) === gate ? "drop" : "stranger" },
    ]),
  );
}

/** The cursors that gates show, as far as this registry remembers handing each to its gate in this epoch. */
async function findCursors(tx: Transaction<Database>, hearings: readonly Hearing[]): Promise<Map<string, CursorRow>> {
  const shown = hearings.flatMap(({ cursor }) => cursor ?? []);
  if (shown.length === 0) return new Map();
  const rows = await tx
    .selectFrom("cursors")
    .select(["cursor", "incarnation", "base", "sweep", "last_account"])
    .where("cursor", "in", shown)
    .where("epoch", "=", epochHere)
    .execute();
  const known = new Map(rows.map(row => [row.cursor, row]));
  return new Map(
    hearings.flatMap(({ incarnation, cursor = "" }) => {
      const row = known.get(cursor);
      return row?.incarnation === incarnation ? [[incarnation, row] as const] : [];
    }),
  );
}

/**
 * Renews the time heard of gates whose polls are held back. Says of each whether it is live still: false if it was retired or
 * given up, or ended, meanwhile; "forgotten" if its cursor went.
 */
export async function areStillLive(
  db: Queryable,
  polls: readonly { readonly incarnation: string; readonly cursor: string }[],
): Promise<(boolean | "forgotten")[]> {
  const { rows } = await sql<{ incarnation: string; remembered: boolean }>`
    with held as (
        select * from unnest(${polls.map(({ incarnation }) => incarnation)}::text[],
          ${polls.map(({ cursor }) => cursor)}::text[]) as held (incarnation, cursor)),
      live as (
        select incarnation from gates where incarnation in (select incarnation from held) and state = 'live'
        order by incarnation for update)
    update gates set heard_at = clock_timestamp() from held, live
    where gates.incarnation = held.incarnation and live.incarnation = held.incarnation
    returning gates.incarnation, exists (select from cursors where cursors.cursor = held.cursor) as remembered`.execute(
    db,
  );
  const live = new Map(
    rows.map(({ incarnation, remembered }) => [incarnation, remembered ? true : ("forgotten" as const)]),
  );
  return polls.map(({ incarnation }) => live.get(incarnation) ?? false);
}

/**
 * Acknowledges by the cursors that gates have shown, and forgets those before them, in one statement.
 *
 * feed rule 13: only a cursor between sweeps acknowledges; one inside a sweep says nothing of what is in force.
 *
 * feed rule 16: the gate came back with this cursor, so the age limit of its answer is in force there, unless a younger
 * answer is: this poll may have been recorded after its successor was answered.
 *
 * The gate never goes back behind a cursor that it has shown; younger ones may be in answers that are on their way.
 */
async function settle(tx: Transaction<Database>, hearings: readonly Hearing[]): Promise<void> {
  const { rows } = await sql<{ waits: boolean | null }>`
    with shown as (
        select cursors.incarnation, sweep, handed_at, last_account is null as is_whole, asked.max_age
        from unnest(${hearings.map(({ cursor }) => cursor ?? "")}::text[],
          ${hearings.map(({ maxAge }) => maxAge)}::double precision[]) as asked (cursor, max_age)
        join cursors on cursors.cursor = asked.cursor),
      acknowledged as (
        update gates set acknowledged = shown.sweep, max_age = greatest(shown.max_age, (
          select max(younger.max_age) from cursors younger
          where younger.incarnation = shown.incarnation and younger.handed_at >= shown.handed_at))
        from shown where gates.incarnation = shown.incarnation and shown.is_whole),
      forgotten as (
        delete from cursors using shown
        where cursors.incarnation = shown.incarnation and cursors.handed_at < shown.handed_at)
    select bool_or(is_whole) and ${somethingWaits} as waits from shown`.execute(tx);
  if (rows[0]?.waits === true) await notify(tx, "operations");
}

/** Some operation may be waiting for what was just recorded. */
const somethingWaits = sql<boolean>`exists (select from operations where status = 'Running' and barrier_passed_at is null)`;

/** Wakes the worker if some operation may be waiting for what was just recorded. */
async function wakeWorker(tx: Transaction<Database>): Promise<void> {
  const { rows } = await sql<{ waits: boolean }>`select ${somethingWaits} as waits`.execute(tx);
  if (rows[0]?.waits === true) await notify(tx, "operations");
}

/**
 * Feed rule 22: the last poll of an incarnation, sent after it stopped admitting. Final, also for one never heard
 * before, so that a first poll that arrives late is refused. Returns false for a gate of another name.
 */
export function recordGoodbye(db: OpenDatabase["db"], incarnation: string, gate: string): Promise<boolean> {
  return db.transaction().execute(async tx => {
    await sql`
      insert into gates (incarnation, gate, state, heard_at, max_age) values (${incarnation}, ${gate}, 'ended', clock_timestamp(), 0)
      on conflict (incarnation) do update set state = 'ended', heard_at = clock_timestamp()
      where gates.state = 'live' and gates.gate = excluded.gate`.execute(tx);
    const row = await tx.selectFrom("gates").select("gate").where("incarnation", "=", incarnation).executeTakeFirst();
    if (row?.gate !== gate) return false;
    await forgetCursors(tx, [incarnation]);
    await wakeWorker(tx);
    return true;
  });
}

/**
 * Feed rule 25: a platform engineer vouches that the process is gone; nothing waits for it any more, and it is refused
 * for ever. A gate that is over already stays as it is. Returns undefined for an unknown incarnation.
 */
export function retireGate(db: OpenDatabase["db"], incarnation: string): Promise<GateRow | undefined> {
  return db.transaction().execute(async tx => {
    await tx
      .updateTable("gates")
      .set({ state: "retired" })
      .where("incarnation", "=", incarnation)
      .where("state", "=", "live")
      .execute();
    await forgetCursors(tx, [incarnation]);
    await wakeWorker(tx);
    await notify(tx, "feed"); // if it is alive after all, its open poll ends at once
    return tx.selectFrom("gates").selectAll().where("incarnation", "=", incarnation).executeTakeFirst();
  });
}

/** Feed rule 24: how long a silent gate may still admit, in seconds: 1 % for its clock, and a margin. */
const longestLife = (ageMargin: number): RawBuilder<Date> =>
  sql<Date>`(gates.heard_at + make_interval(secs => gates.max_age * 1.01 + ${ageMargin}::double precision))`;

/** True for a live gate that some running operation waits for. */
const isWaitedFor = sql<boolean>`(gates.state = 'live' and exists (select from operations o
  where o.status = 'Running' and o.barrier_passed_at is null
    and not coalesce(pg_visible_in_snapshot(o.revocation, gates.acknowledged), false)))`;

/**
 * Feed rule 24: gives up the gates that a running operation waits for and that have been silent, by the database's
 * clock, for longer than their tables can live. Returns them.
 */
export function giveUpSilentGates(db: OpenDatabase["db"], ageMargin: number): Promise<GateRow[]> {
  return db.transaction().execute(async tx => {
    // Locked in the order in which polls lock them.
    const silent = await tx
      .with("silent", db =>
        db
          .selectFrom("gates")
          .select("incarnation")
          .where(isWaitedFor)
          .where(longestLife(ageMargin), "<", sql<Date>`clock_timestamp()`)
          .orderBy("incarnation")
          .forUpdate(),
      )
      .updateTable("gates")
      .set({ state: "given-up" })
      .from("silent")
      .whereRef("gates.incarnation", "=", "silent.incarnation")
      .returningAll("gates")
      .execute();
    const incarnations = silent.map(gate => gate.incarnation);
    if (incarnations.length > 0) await forgetCursors(tx, incarnations);
    return silent;
  });
}

/** Seconds until the first of the gates that something waits for may be given up; null if there is none. */
export async function secondsToGiveUp(db: Queryable, ageMargin: number): Promise<number | null> {
  const row = await db
    .selectFrom("gates")
    .select(
      sql<number | null>`extract(epoch from min(${longestLife(ageMargin)}) - clock_timestamp())::double precision`.as(
        "seconds",
      ),
    )
    .where(isWaitedFor)
    .executeTakeFirstOrThrow();
  return row.seconds;
}

/** The live gates that have not acknowledged the operation's revocation, those that never acknowledged anything included. */
export function waitingFor(db: Queryable, operation: { readonly revocation: string }): Promise<GateRow[]> {
  return db
    .selectFrom("gates")
    .selectAll()
    .where("state", "=", "live")
    .where(sql<boolean>`not coalesce(pg_visible_in_snapshot(${operation.revocation}::xid8, acknowledged), false)`)
    .orderBy("gate")
    .orderBy("incarnation")
    .execute();
}

async function forgetCursors(tx: Transaction<Database>, incarnations: readonly string[]): Promise<void> {
  await tx.deleteFrom("cursors").where("incarnation", "in", incarnations).execute();
}
