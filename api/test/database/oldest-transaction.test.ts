import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { startEmbeddedPostgres } from "../../src/database/embedded-postgres.ts";
import { readOldestTransaction } from "../../src/database/oldest-transaction.ts";
import { openDatabase } from "../../src/database/open.ts";
import { until } from "../support/until.ts";

test("rule 4: PostgreSQL's own vacuum is not taken for a transaction that somebody has left open", async () => {
  // A server of its own, whose vacuum comes at once and takes very long.
  const dataDir = await mkdtemp(join(tmpdir(), "linkgate-vacuum-"));
  const server = await startEmbeddedPostgres({ dataDir });
  const { db, close } = openDatabase(server.url);
  try {
    await sql`create table rows as select n from generate_series(1, 50000) n`.execute(db);
    await sql`delete from rows`.execute(db);
    for (const [setting, value] of [
      ["autovacuum_naptime", "1"],
      ["autovacuum_vacuum_cost_delay", "100"],
      ["autovacuum_vacuum_cost_limit", "1"],
    ] as const) {
      await sql`alter system set ${sql.raw(setting)} = ${sql.raw(value)}`.execute(db);
    }
    await sql`select pg_reload_conf()`.execute(db);
    const vacuums = () =>
      sql`select from pg_stat_activity
      where query like 'autovacuum: VACUUM%rows' and xact_start is not null`.execute(db);
    await until("a vacuum is at it", async () => (await vacuums()).rows.length > 0);
    expect(await readOldestTransaction(db)).toBeUndefined();
    expect((await vacuums()).rows, "it is still at it").toHaveLength(1);
  } finally {
    await close();
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});
