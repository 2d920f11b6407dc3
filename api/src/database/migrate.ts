import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { migrations } from "./migrations.ts";
import type { Database } from "./schema.ts";

/**
 * Brings the tables up to date. Several replicas may start at once: the migrator holds an advisory lock, and the
 * others find nothing left to do. Throws the first error; PostgreSQL takes back what the failed run had changed.
 */
export async function migrateToLatest(db: Kysely<Database>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
