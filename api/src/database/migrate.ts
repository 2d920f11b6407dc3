import { type Kysely, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { migrations } from "./migrations.ts";
import type { Database } from "./schema.ts";

/**
 * Brings the tables up to date. Several replicas may start at once: the migrator holds an advisory lock, and the
 * others find nothing left to do. Throws the first error; PostgreSQL takes back what the failed run had changed.
 *
 * @param list all there are; only tests give others
 */
export async function migrateToLatest(db: Kysely<Database>, list = migrations): Promise<void> {
  const unhurried = Object.fromEntries(Object.entries(list).map(([name, migration]) => [name, unhurry(migration)]));
  const migrator = new Migrator({ db, provider: { getMigrations: async () => unhurried } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

/** The pool's limit is for requests; a migration may have to write every row of a large table. */
function unhurry(migration: Migration): Migration {
  return {
    ...migration,
    async up(db) {
      await sql`set local statement_timeout = 0`.execute(db);
      await migration.up(db);
    },
  };
}
