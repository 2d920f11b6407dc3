import type { Transaction } from "kysely";
import type { Database } from "../database/schema.ts";

/** Brings the account's feed row up to date within the caller's transaction, and wakes the gates on commit. */
export async function publishAccount(_tx: Transaction<Database>, _account: string): Promise<void> {
  throw new Error("not written yet");
}
