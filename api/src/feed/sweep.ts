import { type RawBuilder, sql, type Transaction } from "kysely";
import { epochHere, RegistryUnavailable } from "../database/epoch.ts";
import type { OpenDatabase, Queryable } from "../database/open.ts";
import type { Database } from "../database/schema.ts";
import { CursorForgotten, type CursorRow, type Hearing, isRemembered } from "../gates/repository.ts";
import { newCursorName } from "./cursor-names.ts";
import { type FeedEntry, writePage } from "./page.ts";

/** Cursors of one gate that are kept beside the one it showed, should many answers in a row be lost on their way. */
const UNSEEN_CURSORS = 8;

/** What a page is read from: the place of the sweep, and what the gate has already. */
interface Sweep {
  /** The last whole sweep; null in a first load. */
  readonly base: string | null;
  /** The snapshot of this sweep's first page. */
  readonly snapshot: string;
  /** The last account of the page before; null on the first page. */
  readonly after: string | null;
}

/**
 * What the gate at `base` lacks. feed rule 3: the current rows whose writer is not visible in the previous sweep's
 * snapshot, whatever the order of their transaction ids: a row's id may go down. The first condition is implied by the
 * second and lets the index on `writer` be used.
 */
const changedSince = (base: string): RawBuilder<boolean> =>
  sql<boolean>`(writer >= pg_snapshot_xmin(${base}::pg_snapshot) and not pg_visible_in_snapshot(writer, ${base}::pg_snapshot))`;

/**
 * True if a gate whose last whole sweep was `base` can be told something new. Looks in a new snapshot each time. The
 * order makes the planner read the end of the index, whatever it believes of the table.
 */
export async function hasChanged(db: Queryable, base: string): Promise<boolean> {
  const row = await findChange(db, base).executeTakeFirst();
  return row !== undefined;
}

/** The query of {@link hasChanged}. */
export const findChange = (db: Queryable, base: string) =>
  db.selectFrom("feed").select("account").where(changedSince(base)).orderBy("writer").limit(1);

/**
 * Feed rule 12, second and third step, for a poll that `recordPoll` has committed already: takes a new snapshot, then
 * reads the page and hands it out. Returns the page, or undefined if the gate is over meanwhile.
 */
export function takePage(
  db: OpenDatabase["db"],
  hearing: Hearing,
  cursor: CursorRow | undefined,
  limit: number,
): Promise<string | undefined> {
  return db.transaction().execute(async tx => {
    const { snapshot, epoch, live } = await takeSnapshot(tx, hearing.incarnation, cursor);
    if (!live) return undefined;
    const isInside = cursor !== undefined && cursor.last_account !== null;
    const sweep: Sweep = {
      base: isInside ? cursor.base : (cursor?.sweep ?? null),
      // feed rule 3: a sweep's snapshot is the one of its first page, and it becomes the base after the last.
      snapshot: isInside ? cursor.sweep : snapshot,
      after: isInside ? cursor.last_account : null,
    };
    const rows = await readEntries(tx, sweep, limit + 1);
    const isWhole = rows.length <= limit;
    const entries = isWhole ? rows : rows.slice(0, limit);
    const last = isWhole ? null : (entries.at(-1)?.account ?? null);
    const name = await handOut(tx, hearing, cursor, epoch, { ...sweep, after: last });
    return writePage(entries, name, isWhole);
  });
}

/** The transaction has no id yet, so the one it gets when it writes is not below this snapshot's xmax (feed rule 5). */
async function takeSnapshot(tx: Transaction<Database>, incarnation: string, cursor: CursorRow | undefined) {
  const row = await tx
    .selectFrom("registry")
    .select([
      sql<string>`pg_current_snapshot()::text`.as("snapshot"),
      "epoch",
      "released",
      epochHere.as("here"),
      sql<boolean>`exists (select from gates where incarnation = ${incarnation} and state = 'live')`.as("live"),
      (cursor === undefined ? sql<boolean>`true` : isRemembered(cursor.cursor)).as("remembered"),
    ])
    .executeTakeFirstOrThrow();
  // feed rule 7: the primary only. The server may have changed since the poll was recorded.
  if (row.here !== row.epoch || !row.released) throw new RegistryUnavailable("the registry's epoch is changing");
  if (row.live && !row.remembered) throw new CursorForgotten();
  return row;
}

/** The rows of a page in the order of their names. A first load needs no tombstones: its table is new. */
function readEntries(tx: Transaction<Database>, sweep: Sweep, limit: number): Promise<FeedEntry[]> {
  const { base, after } = sweep;
  return tx
    .with(
      // Apart, so that a few changes are found by their index first and sorted then, not by a walk through all names.
      cte => (base === null ? cte("told") : cte("told").materialized()),
      db =>
        db
          .selectFrom("feed")
          .selectAll()
          .where(base === null ? sql<boolean>`present` : changedSince(base)),
    )
    .selectFrom("told")
    .select(["account", "version", "present", "public_access", sql<string>`array_to_string(link_ids, ',')`.as("ids")])
    .$if(after !== null, query => query.where("account", ">", after))
    .orderBy("account")
    .limit(limit)
    .execute();
}

/**
 * feed rule 2: the cursor means nothing to the gate; what it stands for lies in a row. feed rule 5: the row is durable
 * before the cursor leaves, in a transaction whose id is not below the snapshot's xmax: after a crash PostgreSQL hands
 * out the ids above the last durable one again, and a change under such an id would be skipped for ever.
 */
async function handOut(
  tx: Transaction<Database>,
  hearing: Hearing,
  shown: CursorRow | undefined,
  epoch: string,
  sweep: Sweep,
): Promise<string> {
  const { incarnation, maxAge } = hearing;
  const { rows } = await sql<{ cursor: string }>`
    with forgotten as (
        delete from cursors where incarnation = ${incarnation} and cursor <> ${shown?.cursor ?? ""} and cursor not in (
          select cursor from cursors where incarnation = ${incarnation} order by handed_at desc limit ${sql.lit(UNSEEN_CURSORS)})),
      -- feed rule 16: with this answer its age limit is in force at the gate, whatever a late poll has said since.
      limited as (
        update gates set max_age = ${maxAge}::double precision
        where incarnation = ${incarnation} and max_age < ${maxAge}::double precision)
    insert into cursors (cursor, incarnation, epoch, base, sweep, last_account, max_age)
    values (${newCursorName(epoch, incarnation)}, ${incarnation}, ${epoch}, ${sweep.base}::pg_snapshot,
      ${sweep.snapshot}::pg_snapshot, ${sweep.after}, ${maxAge}::double precision)
    returning cursor`.execute(tx);
  const [row] = rows;
  if (row === undefined) throw new Error("PostgreSQL has not returned the row that it inserted");
  return row.cursor;
}
