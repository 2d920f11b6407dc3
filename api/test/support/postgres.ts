import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { migrateToLatest } from "../../src/database/migrate.ts";
import { openDatabase } from "../../src/database/open.ts";

/** A database of its own, migrated, on the cluster that the whole run shares. */
export async function createTestDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const server = inject("postgresUrl");
  const name = `test_${randomBytes(6).toString("hex")}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  await execute(server, `create database ${name}`);
  const database = openDatabase(url.href);
  await migrateToLatest(database.db);
  await database.close();
  return { url: url.href, drop: () => execute(server, `drop database ${name} with (force)`) };
}

/** Runs one statement on a connection of its own. */
export async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
