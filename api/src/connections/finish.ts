import { randomUUID } from "node:crypto";
import type { Transaction } from "kysely";
import { lockAccount } from "../accounts/repository.ts";
import type { Database } from "../database/schema.ts";
import type { OperationRow } from "../operations/service.ts";
import type { Finishers } from "../operations/worker.ts";
import { findConnection, releaseLinks, updateConnection } from "./repository.ts";

/**
 * What each kind of operation does at its end: only now are link ids, rows and names free (feed rules 27 and 28). Each
 * acts on the very revision of its resource that it was started for, known by its etag, and on no other.
 */
export const finishers: Finishers = {
  "connection-reject": settleConnection,
  "connection-relink": settleConnection,
  "connection-delete": removeConnection,
  "account-delete": removeAccount,
};

async function settleConnection(tx: Transaction<Database>, operation: OperationRow): Promise<void> {
  const connection = await lockConnection(tx, operation);
  if (connection === undefined) return;
  await releaseLinks(tx, connection.account, connection.name_key, connection.link_ids);
  await updateConnection(tx, connection, { provisioning_state: "Succeeded", etag: randomUUID() });
}

async function removeConnection(tx: Transaction<Database>, operation: OperationRow): Promise<void> {
  const connection = await lockConnection(tx, operation);
  if (connection === undefined) return;
  await releaseLinks(tx, connection.account, connection.name_key);
  await tx
    .deleteFrom("connections")
    .where("account", "=", connection.account)
    .where("name_key", "=", connection.name_key)
    .execute();
}

async function removeAccount(tx: Transaction<Database>, operation: OperationRow): Promise<void> {
  const account = await lockAccount(tx, operation.account);
  if (account?.etag !== operation.id) return;
  await tx.deleteFrom("link_claims").where("account", "=", account.account).execute();
  await tx.deleteFrom("connections").where("account", "=", account.account).execute();
  for (const table of ["counts", "connection_traffic", "past_links"] as const) {
    await tx.deleteFrom(table).where("life", "=", account.life).execute();
  }
  await tx.deleteFrom("accounts").where("account", "=", account.account).execute();
}

async function lockConnection(tx: Transaction<Database>, operation: OperationRow) {
  if (operation.name_key === null) return undefined;
  await lockAccount(tx, operation.account);
  const connection = await findConnection(tx, operation.account, operation.name_key);
  return connection?.etag === operation.id ? connection : undefined;
}
