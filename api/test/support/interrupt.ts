import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import type { OpenDatabase } from "../../src/database/open.ts";
import type { Database } from "../../src/database/schema.ts";
import { until } from "./until.ts";

/** A registry to whose user something happens between two statements. */
export interface Interrupted {
  readonly db: Kysely<Database>;
  /** Does this once, after the next statement that begins like that, and has the user wait for it. */
  after(beginning: string, happen: () => Promise<void>): void;
}

/** The registry of a test file, for as long as it runs, as one sees it who is interrupted. */
export function useInterruptedDatabase(database: { readonly open: OpenDatabase }): Interrupted {
  let db: Kysely<Database>;
  let next: { readonly beginning: string; happen(): Promise<void> } | undefined;
  beforeAll(() => {
    db = new Kysely<Database>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ ...database.open.pool.options }) }),
      async log({ query }) {
        if (next === undefined || !query.sql.trimStart().startsWith(next.beginning)) return;
        const { happen } = next;
        next = undefined;
        await happen();
      },
    });
  });
  afterAll(() => db.destroy());
  return {
    get db() {
      return db;
    },
    after(beginning, happen) {
      next = { beginning, happen };
    },
  };
}

/** Begins something, and waits until it has ended or waits for somebody's lock. */
export async function beginAndMeetLock<T>(
  { db }: OpenDatabase,
  begin: () => Promise<T>,
): Promise<{ result: Promise<T> }> {
  let hasEnded = false;
  const result = begin().finally(() => {
    hasEnded = true;
  });
  result.catch(() => {}); // whoever asks for the result is told
  await until("the end, or a lock", async () => {
    if (hasEnded) return true;
    const { rows } = await sql`select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
    return rows.length > 0;
  });
  return { result };
}
