import { sql, type Transaction } from "kysely";
import { epochHere, LARGEST_MAX_AGE } from "../database/epoch.ts";
import type { OpenDatabase, Queryable } from "../database/open.ts";
import type { Database } from "../database/schema.ts";
import { nrpHasHeard } from "../nrp/notices.ts";
import type { OperationRow } from "./service.ts";

/**
 * Feed rule 9: after a change of epoch there may be gates that the registry has lost. No barrier completes before the
 * largest age limit has passed since, or a platform engineer has vouched that there are none.
 */
const everyGateIsKnown = (ageMargin: number) => sql<boolean>`exists (select from registry
  where epoch = ${epochHere} and (gates_vouched or clock_timestamp() >
    epoch_since + make_interval(secs => ${LARGEST_MAX_AGE * 1.01 + ageMargin}::double precision)))`;

/**
 * Marks the running operations that no live gate can admit any more, and returns them.
 *
 * feed rule 23: an operation is seen here only once it has been committed, and the gates are read in the very snapshot
 * that sees it. A gate that is not in it will read the feed in a later one, in which the revocation is visible.
 */
export function passBarriers(db: OpenDatabase["db"], ageMargin: number): Promise<OperationRow[]> {
  return db
    .updateTable("operations as o")
    .set({ barrier_passed_at: sql`clock_timestamp()` })
    .where("o.status", "=", "Running")
    .where("o.barrier_passed_at", "is", null)
    .where(
      // feed rule 14: a gate that has acknowledged nothing is waited for.
      sql<boolean>`not exists (select from gates g where g.state = 'live'
        and not coalesce(pg_visible_in_snapshot(o.revocation, g.acknowledged), false))`,
    )
    .where(everyGateIsKnown(ageMargin))
    .returningAll()
    .execute();
}

/** Feed rule 28: when the connections that clients opened through the link are over, in seconds from now. */
const secondsToEnd = (linkQuarantine: number) =>
  sql<number>`extract(epoch from barrier_passed_at + make_interval(secs => ${linkQuarantine}::double precision)
    - clock_timestamp())::double precision`;

/**
 * Locks one operation whose time has come, other than those in `except`; one that another replica works on is passed over,
 * and one that NRP has still to be told of is not due (design 5 "account").
 */
export function lockDueOperation(
  tx: Transaction<Database>,
  linkQuarantine: number,
  except: readonly string[],
): Promise<OperationRow | undefined> {
  return tx
    .selectFrom("operations")
    .selectAll()
    .where("status", "=", "Running")
    .where(secondsToEnd(linkQuarantine), "<=", 0)
    .where(sql<boolean>`id <> all (${[...except]}::text[])`)
    .where(nrpHasHeard)
    .where(sql<boolean>`exists (select from registry where epoch = ${epochHere})`)
    .orderBy("barrier_passed_at")
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
}

/** Ends a locked operation. */
export async function setSucceeded(tx: Transaction<Database>, id: string): Promise<void> {
  await tx
    .updateTable("operations")
    .set({ status: "Succeeded", ended_at: sql`clock_timestamp()` })
    .where("id", "=", id)
    .execute();
}

/** What is running: whether anything waits for gates, and the seconds until the next operation can end (null: none). */
export async function readAgenda(
  db: Queryable,
  linkQuarantine: number,
  except: readonly string[],
): Promise<{ waitsForGates: boolean; secondsToNextEnd: number | null }> {
  return db
    .selectFrom("operations")
    .select([
      sql<boolean>`coalesce(bool_or(barrier_passed_at is null), false)`.as("waitsForGates"),
      sql<
        number | null
      >`min(${secondsToEnd(linkQuarantine)}) filter (where id <> all (${[...except]}::text[]) and ${nrpHasHeard})`.as(
        "secondsToNextEnd",
      ),
    ])
    .where("status", "=", "Running")
    .executeTakeFirstOrThrow();
}
