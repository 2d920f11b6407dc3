import type { FastifyBaseLogger } from "fastify";
import { type RawBuilder, sql } from "kysely";
import { type Background, startWork } from "../background.ts";
import type { OpenDatabase } from "../database/open.ts";
import type { Database } from "../database/schema.ts";
import { KEPT } from "./intake.ts";

/** Pass `{ ...database, log }`. */
export interface CountCleanerOptions extends Pick<OpenDatabase, "db" | "notifications"> {
  readonly log: FastifyBaseLogger;
}

/** Seconds from one look to the next. */
const LOOK_AGAIN = { idle: 300, failed: 60 };
/** Rows of one statement, so that none takes long. */
const ROWS_AT_ONCE = 5000;

/** What is kept no longer. A gate that has been silent for a day has told of everything, or never will. */
const OVER: readonly { readonly table: keyof Database; readonly when: RawBuilder<boolean> }[] = [
  { table: "counts", when: sql`step = 'minute' and at < now() - ${KEPT.minute}` },
  { table: "counts", when: sql`step = 'hour' and at < now() - ${KEPT.hour}` },
  { table: "connection_traffic", when: sql`greatest(last_admitted, last_denied) < now() - ${KEPT.hour}` },
  { table: "past_links", when: sql`freed_at < now() - ${KEPT.hour}` },
  { table: "reporters", when: sql`heard_at < now() - interval '1 day'` },
];

/** Deletes counts that are kept no longer, until stopped. Any number of replicas may; they pass over each other's rows. */
export function startCountCleaner({ db, notifications, log }: CountCleanerOptions): Background {
  return startWork({
    notifications,
    log,
    topic: undefined,
    failure: { sentence: "old counts could not be deleted", retryIn: () => LOOK_AGAIN.failed },
    async pass(signal) {
      await cleanCounts(db, signal);
      return LOOK_AGAIN.idle;
    },
  });
}

/** Deletes what is over by now. @returns rows */
export async function cleanCounts(db: OpenDatabase["db"], signal: AbortSignal): Promise<number> {
  let all = 0;
  for (const { table, when } of OVER) {
    let rows = ROWS_AT_ONCE;
    while (rows === ROWS_AT_ONCE && !signal.aborted) {
      rows = await deleteSome(db, table, when);
      all += rows;
    }
  }
  return all;
}

async function deleteSome(db: OpenDatabase["db"], table: keyof Database, when: RawBuilder<boolean>): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from ${sql.table(table)} where ctid = any (array(
      select ctid from ${sql.table(table)} where ${when} limit ${ROWS_AT_ONCE} for update skip locked))`.execute(db);
  return Number(numAffectedRows);
}
