import type { Kysely, Transaction } from "kysely";
import type pg from "pg";
import type { Notifications } from "./notifications.ts";
import type { Database } from "./schema.ts";

/** The registry's database as every part of the api uses it. */
export interface OpenDatabase {
  readonly db: Kysely<Database>;
  readonly pool: pg.Pool;
  /** Wakes pollers and the worker; correctness never depends on it. */
  readonly notifications: Notifications;
  /** Ends the listening connection and the pool. */
  close(): Promise<void>;
}

/** A database or an open transaction of it. */
export type Queryable = Kysely<Database> | Transaction<Database>;

/** Opens a pool on the primary at `url` (`postgres://...`); connects lazily. */
export function openDatabase(_url: string): OpenDatabase {
  throw new Error("not written yet");
}
