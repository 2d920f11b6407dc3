import { type RawBuilder, sql, type Transaction } from "kysely";
import { epochHere, RegistryUnavailable } from "../database/epoch.ts";
import type { OpenDatabase, Queryable } from "../database/open.ts";
import type { Database } from "../database/schema.ts";
import type { CursorRow, Hearing } from "../gates/repository.ts";
import { drawRandomPart, newCursorName } from "./cursor-names.ts";
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
 * What the gate at `base` lacks, or whoever else has seen that snapshot; nothing where it is null. feed rule 3: the current
 * rows whose writer is not visible in the previous sweep's snapshot, whatever the order of their transaction ids: a row's id
 * may go down. The first condition is implied by the second and lets the index on `writer` be used.
 */
export const changedSince = (base: RawBuilder<string>): RawBuilder<boolean> =>
  sql<boolean>`(writer >= pg_snapshot_xmin(${base}::pg_snapshot) and not pg_visible_in_snapshot(writer, ${base}::pg_snapshot))`;

/**
 * Which of these last whole sweeps have something new after them. Looks in a new snapshot each time. The order makes the
 * planner read the end of the index, whatever it believes of the table.
 *
 * @param bases snapshots, each once
 */
export async function findChanged(db: Queryable, bases: readonly string[]): Promise<Set<string>> {
  const { rows } = await changedAmong(bases).execute(db);
  return new Set(rows.map(({ base }) => base));
}

/** The query of {@link findChanged}. */
export const changedAmong = (bases: readonly string[]): RawBuilder<{ base: string }> => sql<{ base: string }>`
  select base from unnest(${bases}::text[]) as bases (base), lateral (
    select from feed where ${changedSince(sql`base`)} order by writer limit 1) as change`;

/** A poll that is to be answered with a page, and the cursor that it showed. */
export interface PageWish {
  readonly hearing: Hearing;
  readonly cursor: CursorRow | undefined;
  /** Lines. */
  readonly limit: number;
}

/**
 * Feed rule 12, second and third step, for polls that `recordPolls` has committed already: takes a new snapshot, then
 * reads the pages and hands them out.
 *
 * @param wishes of different incarnations
 * @returns a page for each, in their order: "drop" if the gate is over meanwhile, "forgotten" if its cursor went
 */
export function takePages(
  db: OpenDatabase["db"],
  wishes: readonly PageWish[],
): Promise<({ readonly page: string } | "drop" | "forgotten")[]> {
  return db.transaction().execute(async tx => {
    const { snapshot, epoch, live, remembered } = await takeSnapshot(tx, wishes);
    const pages: ({ page: string } | "drop" | "forgotten")[] = [];
    const handed: Handed[] = [];
    const read = new Map<string, Promise<FeedEntry[]>>();
    for (const { hearing, cursor, limit } of wishes) {
      if (!live.has(hearing.incarnation)) {
        pages.push("drop");
        continue;
      }
      if (cursor !== undefined && !remembered.has(cursor.cursor)) {
        pages.push("forgotten");
        continue;
      }
      const isInside = cursor !== undefined && cursor.last_account !== null;
      const sweep: Sweep = {
        base: isInside ? cursor.base : (cursor?.sweep ?? null),
        // feed rule 3: a sweep's snapshot is the one of its first page, and it becomes the base after the last.
        snapshot: isInside ? cursor.sweep : snapshot,
        after: isInside ? cursor.last_account : null,
      };
      // Gates that lack the same are read for once.
      const key = JSON.stringify([sweep.base, sweep.after, limit]);
      const reading = read.get(key) ?? readEntries(tx, sweep, limit + 1);
      read.set(key, reading);
      const rows = await reading;
      const isWhole = rows.length <= limit;
      const entries = isWhole ? rows : rows.slice(0, limit);
      const last = isWhole ? null : (entries.at(-1)?.account ?? null);
      const place = pages.push("drop") - 1;
      const finish = (name: string): void => {
        pages[place] = { page: writePage(entries, name, isWhole) };
      };
      handed.push({ hearing, shown: cursor?.cursor, sweep: { ...sweep, after: last }, finish });
    }
    if (handed.length > 0) await handOut(tx, epoch, handed);
    return pages;
  });
}

/** The transaction has no id yet, so the one it gets when it writes is not below this snapshot's xmax (feed rule 5). */
async function takeSnapshot(tx: Transaction<Database>, wishes: readonly PageWish[]) {
  const incarnations = wishes.map(({ hearing }) => hearing.incarnation);
  const cursors = wishes.flatMap(({ cursor }) => cursor?.cursor ?? []);
  const row = await tx
    .selectFrom("registry")
    .select([
      sql<string>`pg_current_snapshot()::text`.as("snapshot"),
      "epoch",
      "released",
      epochHere.as("here"),
      sql<
        string[]
      >`array(select incarnation from gates where incarnation = any (${incarnations}::text[]) and state = 'live')`.as(
        "live",
      ),
      sql<string[]>`array(select cursor from cursors where cursor = any (${cursors}::text[]))`.as("remembered"),
    ])
    .executeTakeFirstOrThrow();
  // feed rule 7: the primary only. The server may have changed since the poll was recorded.
  if (row.here !== row.epoch || !row.released) throw new RegistryUnavailable("the registry's epoch is changing");
  return { ...row, live: new Set(row.live), remembered: new Set(row.remembered) };
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
          .where(base === null ? sql<boolean>`present` : changedSince(sql`${base}`)),
    )
    .selectFrom("told")
    .select(["account", "version", "present", "public_access", sql<string>`array_to_string(link_ids, ',')`.as("ids")])
    .$if(after !== null, query => query.where("account", ">", after))
    .orderBy("account")
    .limit(limit)
    .execute();
}

/** A page that is ready but for the cursor that comes with it. */
interface Handed {
  readonly hearing: Hearing;
  readonly shown: string | undefined;
  readonly sweep: Sweep;
  finish(cursor: string): void;
}

/**
 * feed rule 2: the cursor means nothing to the gate; what it stands for lies in a row. feed rule 5: the row is durable
 * before the cursor leaves, in a transaction whose id is not below the snapshot's xmax: after a crash PostgreSQL hands
 * out the ids above the last durable one again, and a change under such an id would be skipped for ever.
 */
async function handOut(tx: Transaction<Database>, epoch: string, handed: readonly Handed[]): Promise<void> {
  const { rows } = await sql<{ incarnation: string; cursor: string }>`
    with handed as (
        select * from unnest(
          ${handed.map(({ hearing }) => hearing.incarnation)}::text[], ${handed.map(({ shown }) => shown ?? "")}::text[],
          ${handed.map(({ sweep }) => sweep.base)}::text[], ${handed.map(({ sweep }) => sweep.snapshot)}::text[],
          ${handed.map(({ sweep }) => sweep.after)}::text[],
          ${handed.map(({ hearing }) => hearing.maxAge)}::double precision[],
          ${handed.map(drawRandomPart)}::text[]
        ) as handed (incarnation, shown, base, sweep, last_account, max_age, random)),
      forgotten as (
        delete from cursors using handed
        where cursors.incarnation = handed.incarnation and cursors.cursor <> handed.shown and cursors.cursor not in (
          select kept.cursor from cursors kept where kept.incarnation = handed.incarnation
          order by kept.handed_at desc limit ${sql.lit(UNSEEN_CURSORS)})),
      -- feed rule 16: with this answer its age limit is in force at the gate, whatever a late poll has said since.
      limited as (
        update gates set max_age = handed.max_age from handed
        where gates.incarnation = handed.incarnation and gates.max_age < handed.max_age)
    insert into cursors (cursor, incarnation, epoch, base, sweep, last_account, max_age)
    select ${newCursorName(epoch, sql`incarnation`, sql`random`)}, incarnation, ${epoch}, base::pg_snapshot,
      sweep::pg_snapshot, last_account, max_age
    from handed order by incarnation
    returning incarnation, cursor`.execute(tx);
  const names = new Map(rows.map(({ incarnation, cursor }) => [incarnation, cursor]));
  for (const { hearing, finish } of handed) {
    const name = names.get(hearing.incarnation);
    if (name === undefined) throw new Error("PostgreSQL has not returned a row that it inserted");
    finish(name);
  }
}
