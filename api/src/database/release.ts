import { type Selectable, sql } from "kysely";
import { enterCurrentEpoch, holdEpoch, LARGEST_MAX_AGE } from "./epoch.ts";
import type { OpenDatabase, Queryable } from "./open.ts";
import type { RegistryTable } from "./schema.ts";

/** Where the registry stands after a change of epoch (feed rules 8 and 9), for people. The epoch itself is nobody's. */
export interface RegistryView {
  /** `held`: the feed is not served; the gates go on with the table they have. */
  readonly state: "served" | "held";
  /** When this epoch was entered. */
  readonly since: Date;
  /** When NRP last answered for every connection; null if it has not in this epoch. */
  readonly reconciledAt: Date | null;
  /** Null when revocations end as soon as every gate has heard of them; else they end no earlier. */
  readonly revocationsHeldUntil: Date | null;
}

export interface ReleaseOptions {
  /** Vouches that every gate process from before the change has asked for the feed since, or is gone. */
  readonly vouchGates: boolean;
  /** Releases what NRP was not asked about, or not about all of it. */
  readonly withoutReconcile: boolean;
}

/** The registry is held, and has not been reconciled with NRP in this epoch. */
export class NotReconciled extends Error {
  override readonly name = "NotReconciled";

  constructor() {
    super("it has not been reconciled with NRP since the change: it may admit links that Azure has given to others");
  }
}

/** @throws RegistryUnavailable on a standby */
export async function viewRegistry({ db }: OpenDatabase): Promise<RegistryView> {
  await enterCurrentEpoch(db);
  return await read(db);
}

/**
 * Releases a registry that is held after a change of epoch (feed rule 9), so that the feed is served again. Without
 * `vouchGates` running revocations wait for the largest age limit. A registry that isn't held is not changed otherwise.
 *
 * @throws NotReconciled, RegistryUnavailable on a standby
 */
export async function releaseRegistry({ db }: OpenDatabase, options: ReleaseOptions): Promise<RegistryView> {
  const { epoch } = await enterCurrentEpoch(db);
  const { numUpdatedRows } = await db
    .updateTable("registry")
    .set({ released: true, ...(options.vouchGates ? { gates_vouched: true } : {}) })
    .where("epoch", "=", epoch)
    .$if(!options.withoutReconcile, query =>
      query.where(eb => eb.or([eb("released", "=", true), eb("reconciled_epoch", "=", epoch)])),
    )
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw new NotReconciled();
  return await read(db);
}

/**
 * Holds the registry as if its epoch had changed: for who has put back an old copy of the data in a way that leaves no
 * trace in them.
 */
export async function holdRegistry({ db }: OpenDatabase): Promise<RegistryView> {
  const { epoch } = await enterCurrentEpoch(db);
  await holdEpoch(db, epoch);
  return await read(db);
}

async function read(db: Queryable): Promise<RegistryView> {
  const row = await db
    .selectFrom("registry")
    .selectAll()
    .select(sql<Date>`epoch_since + make_interval(secs => ${LARGEST_MAX_AGE * 1.01}::double precision)`.as("free_at"))
    .executeTakeFirstOrThrow();
  return {
    state: row.released ? "served" : "held",
    since: row.epoch_since,
    reconciledAt: isReconciled(row) ? row.reconciled_at : null,
    revocationsHeldUntil: row.gates_vouched || row.free_at < new Date() ? null : row.free_at,
  };
}

const isReconciled = (row: Selectable<RegistryTable>): boolean => row.reconciled_epoch === row.epoch;
