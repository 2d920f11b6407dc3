import type { Kysely } from "kysely";
import { type RawBuilder, sql } from "kysely";
import type { Queryable } from "./open.ts";
import type { Database } from "./schema.ts";

/** The registry can't be read right now: not the primary, or its epoch changes this very moment. The caller tries again. */
export class RegistryUnavailable extends Error {
  override readonly name = "RegistryUnavailable";
}

/** The largest age limit a gate may have, in seconds: a week. */
export const LARGEST_MAX_AGE = 604_800;

/**
 * The life of the database that this very connection talks to; null on a standby, whose snapshots show open
 * transactions as visible (feed rule 7). A restore, a promotion and a copy each change one of its parts (feed rule 8).
 */
export const epochHere: RawBuilder<string | null> = sql<string | null>`case when pg_is_in_recovery() then null else
  (select seed from registry)
  || '.' || (select system_identifier from pg_control_system())
  || '.' || (select oid from pg_database where datname = current_database())
  || '.' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end`;

/** What a poll or the worker has to know of the registry before anything else. */
export interface RegistryState {
  readonly epoch: string;
  /** False: a platform engineer has to reconcile the registry first; the feed is not served (feed rule 9). */
  readonly released: boolean;
}

/**
 * Feed rules 7 and 8: makes sure that this is the primary and that the stored epoch is the one of this server; a
 * changed one is entered first. Throws {@link RegistryUnavailable} on a standby.
 */
export async function enterCurrentEpoch(db: Kysely<Database>): Promise<RegistryState> {
  const state = await readRegistry(db);
  if (state.epoch === state.here) return state;
  return db.transaction().execute(async tx => {
    await sql`set local statement_timeout = 0`.execute(tx); // every row of the feed is written
    await tx.selectFrom("registry").select("epoch").forUpdate().execute();
    const locked = await readRegistry(tx);
    if (locked.epoch === locked.here) return locked; // another replica was first
    // A new registry has nothing to lose. Any other may have lost rows, and gates that it no longer knows of.
    const isNew = locked.epoch === "";
    await tx
      .updateTable("registry")
      .set({ epoch: locked.here, epoch_since: sql`clock_timestamp()`, released: isNew, gates_vouched: isNew })
      .execute();
    if (!isNew) await forgetTransactionIds(tx);
    return { epoch: locked.here, released: isNew };
  });
}

/**
 * Begins a new epoch where the server itself shows none: its data were put back as files, or by a snapshot of the disk,
 * on the same server. Draws a new seed, unless the epoch is `epoch` no longer.
 */
export async function holdEpoch(db: Kysely<Database>, epoch: string): Promise<RegistryState> {
  await db
    .updateTable("registry")
    .set({ seed: sql`replace(gen_random_uuid()::text, '-', '')` })
    .where("epoch", "=", epoch)
    .where(sql<boolean>`epoch = ${epochHere}`)
    .execute();
  return await enterCurrentEpoch(db);
}

/**
 * Transaction ids and snapshots of another epoch mean nothing here, and may be handed out again: whatever is compared
 * with them starts anew. Gates have acknowledged nothing, their cursors are forgotten (410), running operations revoke
 * now, every account was written now, and NRP is not told of approvals that it may have withdrawn since.
 */
async function forgetTransactionIds(tx: Queryable): Promise<void> {
  await tx.updateTable("gates").set({ acknowledged: null }).where("acknowledged", "is not", null).execute();
  await tx.deleteFrom("cursors").execute();
  await tx.updateTable("feed").set({ writer: sql`pg_current_xact_id()` }).execute();
  await tx
    .updateTable("operations")
    .set({ revocation: sql`pg_current_xact_id()`, barrier_passed_at: null })
    .where("status", "=", "Running")
    .execute();
  // Whether these approvals still stand is what the reconciliation asks NRP; what takes away may be told again.
  await tx.deleteFrom("nrp_notices").where("status", "=", "Approved").execute();
}

async function readRegistry(db: Queryable): Promise<RegistryState & { here: string }> {
  const row = await db
    .selectFrom("registry")
    .select(["epoch", "released", epochHere.as("here")])
    .executeTakeFirstOrThrow();
  const { epoch, released, here } = row;
  if (here === null) throw new RegistryUnavailable("this is a standby, not the primary");
  return { epoch, released, here };
}
