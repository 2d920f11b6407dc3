import { type Selectable, sql, type Transaction } from "kysely";
import type { Account } from "../accounts/repository.ts";
import { connectionId } from "../connections/document.ts";
import { type Connection, listConnections } from "../connections/repository.ts";
import { epochHere } from "../database/epoch.ts";
import { notify } from "../database/notifications.ts";
import type { Queryable } from "../database/open.ts";
import type { Database, NrpNoticesTable } from "../database/schema.ts";
import { proxyIdOf, type ToldState } from "./client.ts";

export type NrpNotice = Selectable<NrpNoticesTable>;

/** Seconds. A notice that is being sent is nobody else's for so long, unless its sender, which then lives, renews that. */
export const LEASE = 15;
/** Seconds. One that failed is tried again, later each time. */
const BACKOFF = { first: 0.5, longest: 60 };

/** A change of a connection that did not come from NRP. */
export interface Change {
  readonly state: ToldState;
  /** Ends no earlier than NRP has been told; none where nothing waits for that. */
  readonly operation?: string;
  readonly correlationId: string;
}

/**
 * Remembers, in the transaction of the change, that NRP has to be told of a connection. There is one notice for each
 * connection, with its newest state: NRP never hears of an older one after a newer one.
 */
export async function queueNotice(
  tx: Transaction<Database>,
  account: Account,
  connection: Connection,
  { state, operation, correlationId }: Change,
): Promise<void> {
  const proxyId = proxyIdOf(connection.remote_private_endpoint, connection.name);
  // An endpoint whose id is none can't be reached at NRP, today or ever.
  if (proxyId === undefined) return;
  const told = {
    operation: operation ?? null,
    proxy_id: proxyId,
    connection_id: connectionId(account, connection),
    status: state.status,
    description: state.description,
    correlation_id: correlationId,
  };
  // Whoever sends the older state keeps its lease, so that the newer one does not overtake it.
  await tx
    .insertInto("nrp_notices")
    .values(told)
    .onConflict(conflict =>
      conflict
        .expression(sql`lower(connection_id)`)
        .doUpdateSet({ ...told, revision: sql`nrp_notices.revision + 1`, attempts: 0 }),
    )
    .execute();
  await notify(tx, "operations");
}

/** The same for every connection that an account's deletion has disconnected. */
export async function queueNotices(tx: Transaction<Database>, account: Account, change: Change): Promise<void> {
  for (const connection of await listConnections(tx, account.account)) {
    if (connection.etag === change.operation) await queueNotice(tx, account, connection, change);
  }
}

/**
 * Brings what NRP has still to be told of a connection up to what NRP itself has said of it meanwhile: it never hears of an
 * older state after its own, nor at the place where the endpoint was before. Nothing is told that did not wait already.
 *
 * @param description for a state that is new; without it the one that waits stays
 */
export async function refreshNotice(
  tx: Transaction<Database>,
  account: Account,
  connection: Connection,
  description?: string,
): Promise<void> {
  const { status, name } = connection;
  const proxyId = proxyIdOf(connection.remote_private_endpoint, name);
  const isOfConnection = sql<boolean>`lower(connection_id) = lower(${connectionId(account, connection)})`;
  if (status === "Pending" || proxyId === undefined) {
    await tx.deleteFrom("nrp_notices").where(isOfConnection).execute();
    return;
  }
  await tx
    .updateTable("nrp_notices")
    .set({
      proxy_id: proxyId,
      status,
      ...(description === undefined ? {} : { description }),
      revision: sql`revision + 1`,
    })
    .where(isOfConnection)
    .execute();
}

/**
 * Feed rule 9: a restored registry may hold what NRP was told long ago. Nothing is told before the change of epoch has
 * been entered, which takes back the approvals among it.
 */
const isOurEpoch = sql<boolean>`exists (select from registry where epoch = ${epochHere})`;

const leaseEnd = sql<Date>`clock_timestamp() + make_interval(secs => ${sql.lit(LEASE)}::double precision)`;

/** Takes one notice whose time has come; it has to be renewed for as long as it takes to send it. */
export async function claimNotice(db: Queryable): Promise<NrpNotice | undefined> {
  return await db
    .updateTable("nrp_notices")
    .set({
      attempts: sql`attempts + 1`,
      not_before: leaseEnd,
    })
    .where("id", "=", eb =>
      eb
        .selectFrom("nrp_notices")
        .select("id")
        .where("not_before", "<=", sql<Date>`clock_timestamp()`)
        .where(isOurEpoch)
        .orderBy("not_before")
        .limit(1)
        .forUpdate()
        .skipLocked(),
    )
    .returningAll()
    .executeTakeFirst();
}

/** It is still being sent. */
export async function renewNotice(db: Queryable, notice: NrpNotice): Promise<void> {
  await db.updateTable("nrp_notices").set({ not_before: leaseEnd }).where("id", "=", notice.id).execute();
}

/** Takes notices away that nobody will send, all at once, so that none is left claimed by an api that died over it. */
export async function dropNotices(db: Queryable): Promise<NrpNotice[]> {
  const dropped = await db.deleteFrom("nrp_notices").returningAll().execute();
  if (dropped.length > 0) await notify(db, "operations");
  return dropped;
}

/** NRP has answered; the worker looks at the operation again. A state that came meanwhile is told next. */
export async function settleNotice(db: Queryable, { id, revision }: NrpNotice): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom("nrp_notices")
    .where("id", "=", id)
    .where("revision", "=", revision)
    .executeTakeFirst();
  if (numDeletedRows === 0n) {
    await db.updateTable("nrp_notices").set({ not_before: sql`clock_timestamp()` }).where("id", "=", id).execute();
  }
  await notify(db, "operations");
}

/** NRP has not answered. Returns the seconds until the next try. */
export async function postponeNotice(db: Queryable, notice: NrpNotice): Promise<number> {
  const seconds = Math.min(BACKOFF.longest, BACKOFF.first * 2 ** (notice.attempts - 1));
  await db
    .updateTable("nrp_notices")
    .set({ not_before: sql`clock_timestamp() + make_interval(secs => ${seconds}::double precision)` })
    .where("id", "=", notice.id)
    .execute();
  return seconds;
}

/** Seconds until the next notice is due; null when there is none. */
export async function secondsToNextNotice(db: Queryable): Promise<number | null> {
  const row = await db
    .selectFrom("nrp_notices")
    .select(sql<number | null>`extract(epoch from min(not_before) - clock_timestamp())::double precision`.as("seconds"))
    .where(isOurEpoch)
    .executeTakeFirstOrThrow();
  return row.seconds;
}

/**
 * True for an operation of `operations` that NRP has been told all about. An account goes with all its connections, so it
 * waits for those too that were being deleted before: whoever takes the name next has nothing to do with them.
 */
export const nrpHasHeard = sql<boolean>`(not exists (select from nrp_notices n where n.operation = operations.id)
  and not exists (select from connections c join nrp_notices n on n.operation = c.etag
    where operations.kind = 'account-delete' and c.account = operations.account))`;
