import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, inject } from "vitest";
import { migrateToLatest } from "../../src/database/migrate.ts";
import { type OpenDatabase, openDatabase } from "../../src/database/open.ts";

/** An empty database of its own, on the cluster that the whole run shares. */
export async function createEmptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const server = inject("postgresUrl");
  const name = `test_${randomBytes(6).toString("hex")}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  await execute(server, `create database ${name}`);
  // It goes with the cluster at the end of the run. Where a busy machine keeps a process of PostgreSQL from ending in time,
  // that is soon enough.
  const drop = () => execute(server, `drop database ${name} with (force)`).catch(() => {});
  return { url: url.href, drop };
}

/** Such a database, migrated. */
export async function createTestDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const made = await createEmptyDatabase();
  const database = openDatabase(made.url);
  await migrateToLatest(database.db);
  await database.close();
  return made;
}

/** A migrated database for the tests of a file, open from before the first to after the last. */
export function useTestDatabase(): { readonly open: OpenDatabase } {
  let drop: () => Promise<void>;
  let open: OpenDatabase;
  beforeAll(async () => {
    const made = await createTestDatabase();
    drop = made.drop;
    open = openDatabase(made.url);
  });
  afterAll(async () => {
    await open.close();
    await drop();
  });
  return {
    get open() {
      return open;
    },
  };
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
