import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { listen, type Notifications } from "./notifications.ts";
import type { Database } from "./schema.ts";

export type { Queryable } from "./schema.ts";

/** The registry's database as every part of the api uses it. */
export interface OpenDatabase {
  readonly db: Kysely<Database>;
  readonly pool: pg.Pool;
  /** Wakes pollers and the worker; correctness never depends on it. */
  readonly notifications: Notifications;
  /** Ends the listening connection and the pool. Twice is the same as once. */
  close(): Promise<void>;
}

/** Milliseconds. Nobody can hold a lock or an old snapshot for longer than these (feed rule 4). */
const timeouts = { statement_timeout: 30_000, lock_timeout: 10_000, idle_in_transaction_session_timeout: 30_000 };

/**
 * Opens a pool on the primary at `url` (`postgres://...`). Connects when first used, and again after the server was away.
 * `bigint` comes back as a number; one that a number can't hold exactly throws.
 */
export function openDatabase(url: string): OpenDatabase {
  const connection: pg.ClientConfig = {
    connectionString: url,
    application_name: "linkgate",
    // Long enough for a machine that is busy starting something; whoever calls waits for longer.
    connectionTimeoutMillis: 15_000,
    // Without it nobody would notice for hours that the host of a connection which only listens is gone.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // Feed rules 5 and 26: what was answered must survive a crash, whatever the server's own default is.
    options: "-c synchronous_commit=on",
    types: { getTypeParser: parserOf },
    ...timeouts,
  };
  const pool = new pg.Pool({ ...connection, max: 10 });
  // A connection may die at any moment. One that lies idle has been taken out of the pool already, and whoever has
  // borrowed one finds out by its next query; an `error` that nobody listens to would end the process.
  pool.on("error", () => {});
  pool.on("connect", client => client.on("error", () => {}));
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  const notifications = listen(connection);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await notifications.close();
    await db.destroy();
  };
  return {
    db,
    pool,
    notifications,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

const parseInteger = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`not a safe integer: ${text}`);
  return value;
};

const parseIntegers = (text: string): number[] => (text === "{}" ? [] : text.slice(1, -1).split(",").map(parseInteger));

function parserOf(oid: number, format?: "text" | "binary"): (text: string) => unknown {
  if (format !== "binary" && oid === pg.types.builtins.INT8) return parseInteger;
  if (format !== "binary" && oid === 1016) return parseIntegers; // int8[]
  return pg.types.getTypeParser(oid, format as "text");
}
