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
 * back to an older state. What the cursor stands for must not be believed; asked again, `recordPoll` finds out.
 */
export class CursorForgotten extends RegistryUnavailable {
  constructor() {
    super("the cursor is not known any more; ask again");
  }
}

/**
 * Feed rule 12, first step: commits incarnation, time heard (database clock), acknowledgement and age limit, before any
 * snapshot is taken that the poll may be answered from. Durable when this returns (feed rule 26).
 */
export function recordPoll(db: OpenDatabase["db"], hearing: Hearing): Promise<Recorded> {
  return db.transaction().execute(async tx => {
    const refused = await hear(tx, hearing);
    if (refused !== undefined) return refused;
    if (hearing.cursor === undefined) return { kind: "serve", cursor: undefined };

    // feed rule 6: a cursor that this registry does not remember handing to this gate, in this epoch, means start over.
    const cursor = await tx
      .selectFrom("cursors")
      .select(["cursor", "base", "sweep", "last_account"])
      .where("cursor", "=", hearing.cursor)
      .where("incarnation", "=", hearing.incarnation)
      .where("epoch", "=", epochHere)
      .executeTakeFirst();
    if (cursor === undefined)
      return { kind: (await isLost(tx, hearing.cursor, hearing.incarnation)) ? "lost" : "keep" };
    await settle(tx, hearing, cursor);
    return { kind: "serve", cursor };
  });
}

async function isLost(tx: Transaction<Database>, cursor: string, incarnation: string): Promise<boolean> {
  const { rows } = await sql<{ lost: boolean | null }>`select ${isFromLostTime(cursor, incarnation)} as lost`.execute(
    tx,
  );
  return rows[0]?.lost === true;
}

/** Makes or refreshes the gate's row; undefined when its incarnation is live and its own. */
async function hear(tx: Transaction<Database>, hearing: Hearing): Promise<Recorded | undefined> {
  const { incarnation, gate, maxAge } = hearing;
  // feed rule 14: a row without an acknowledgement is waited for, from the first poll on.
  // feed rule 11: another incarnation of the same name is another row; nothing replaces it.
  const { rows } = await sql<{ incarnation: string }>`
    insert into gates (incarnation, gate, state, heard_at, max_age)
    values (${incarnation}, ${gate}, 'live', clock_timestamp(), ${maxAge})
    on conflict (incarnation) do update set heard_at = clock_timestamp(),
      -- feed rule 16: the larger of old and new, until it is known that the answer with the new one has arrived
      max_age = greatest(gates.max_age, excluded.max_age)
    where gates.state = 'live' and gates.gate = excluded.gate
    returning incarnation`.execute(tx);
  if (rows.length === 1) return undefined;
  const known = await tx.selectFrom("gates").select("gate").where("incarnation", "=", incarnation).executeTakeFirst();
  // feed rule 25: retired, given up or ended is for ever.
  return { kind: known?.gate === gate ? "drop" : "stranger" };
}

/**
 * Renews the time heard of a gate whose poll is held back. False if it was retired or given up, or ended, meanwhile.
 *
 * @throws CursorForgotten
 */
export async function isStillLive(db: Queryable, incarnation: string, { cursor }: CursorRow): Promise<boolean> {
  const row = await db
    .updateTable("gates")
    .set({ heard_at: sql`clock_timestamp()` })
    .where("incarnation", "=", incarnation)
    .where("state", "=", "live")
    .returning(isRemembered(cursor).as("remembered"))
    .executeTakeFirst();
  if (row?.remembered === false) throw new CursorForgotten();
  return row !== undefined;
}

/** Whether a cursor that was found when the poll came is there still. */
export const isRemembered = (cursor: string): RawBuilder<boolean> =>
  sql<boolean>`exists (select from cursors where cursor = ${cursor})`;

/**
 * Acknowledges by the cursor that a gate has shown, and forgets those before it, in one statement.
 *
 * feed rule 13: only a cursor between sweeps acknowledges; one inside a sweep says nothing of what is in force.
 *
 * feed rule 16: the gate came back with this cursor, so the age limit of its answer is in force there, unless a younger
 * answer is: this poll may have been recorded after its successor was answered.
 *
 * The gate never goes back behind a cursor that it has shown; younger ones may be in answers that are on their way.
 */
async function settle(tx: Transaction<Database>, { incarnation, maxAge }: Hearing, shown: CursorRow): Promise<void> {
  const { rows } = await sql<{ waits: boolean }>`
    with shown as (select handed_at from cursors where cursor = ${shown.cursor}),
      acknowledged as (
        update gates set acknowledged = ${shown.sweep}::pg_snapshot, max_age = (
          select greatest(${maxAge}::double precision, max(younger.max_age)) from cursors younger, shown
          where younger.incarnation = ${incarnation} and younger.handed_at >= shown.handed_at)
        where incarnation = ${incarnation} and ${shown.last_account === null}::boolean),
      forgotten as (
        delete from cursors using shown where incarnation = ${incarnation} and cursors.handed_at < shown.handed_at)
    select ${shown.last_account === null}::boolean and ${somethingWaits} as waits`.execute(tx);
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
    const silent = await tx
      .updateTable("gates")
      .set({ state: "given-up" })
      .where(isWaitedFor)
      .where(longestLife(ageMargin), "<", sql<Date>`clock_timestamp()`)
      .returningAll()
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
