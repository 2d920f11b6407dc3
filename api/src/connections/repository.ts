import { type Insertable, type Selectable, sql, type Transaction, type Updateable } from "kysely";
import type { Queryable } from "../database/open.ts";
import type { ConnectionsTable, Database } from "../database/schema.ts";

export type Connection = Selectable<ConnectionsTable>;

/** A connection before it is written; the database says when. */
export type NewConnection = Omit<Connection, "created_at">;

/** What a later write may change. */
export type ConnectionChange = Partial<Omit<NewConnection, "account" | "name_key">>;

/**
 * @param account key, lower case
 * @param nameKey lower case
 */
export async function findConnection(db: Queryable, account: string, nameKey: string): Promise<Connection | undefined> {
  return await db
    .selectFrom("connections")
    .selectAll()
    .where("account", "=", account)
    .where("name_key", "=", nameKey)
    .executeTakeFirst();
}

/** An account's connections, oldest first. */
export async function listConnections(db: Queryable, account: string): Promise<Connection[]> {
  return await listConnectionsOf(db, [account]);
}

/** The connections of several accounts, oldest first. */
export async function listConnectionsOf(db: Queryable, accounts: readonly string[]): Promise<Connection[]> {
  if (accounts.length === 0) return [];
  return await db
    .selectFrom("connections")
    .selectAll()
    .where("account", "in", accounts)
    .orderBy("created_at")
    .orderBy("name_key")
    .execute();
}

/** How many connections count against the maximum: all but Disconnected ones (design 5). */
export async function countConnections(db: Queryable, account: string): Promise<number> {
  const row = await db
    .selectFrom("connections")
    .select(eb => eb.fn.countAll<string>().as("count"))
    .where("account", "=", account)
    .where("status", "!=", "Disconnected")
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

export async function insertConnection(tx: Transaction<Database>, connection: NewConnection): Promise<Connection> {
  const values: Insertable<ConnectionsTable> = {
    ...connection,
    link_ids: connection.link_ids.map(String),
    remote_private_endpoint: JSON.stringify(connection.remote_private_endpoint),
    system_data: JSON.stringify(connection.system_data),
  };
  return await tx.insertInto("connections").values(values).returningAll().executeTakeFirstOrThrow();
}

export async function updateConnection(
  tx: Transaction<Database>,
  connection: Connection,
  change: ConnectionChange,
): Promise<Connection> {
  const { link_ids: linkIds, remote_private_endpoint: endpoint, system_data: systemData, ...plain } = change;
  const set: Updateable<ConnectionsTable> = {
    ...plain,
    ...(linkIds === undefined ? {} : { link_ids: linkIds.map(String) }),
    ...(endpoint === undefined ? {} : { remote_private_endpoint: JSON.stringify(endpoint) }),
    ...(systemData === undefined ? {} : { system_data: JSON.stringify(systemData) }),
  };
  return await tx
    .updateTable("connections")
    .set(set)
    .where("account", "=", connection.account)
    .where("name_key", "=", connection.name_key)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Disconnects what an account's deletion takes along; connections already being deleted keep their own operation. */
export async function disconnectAll(tx: Transaction<Database>, account: string, operation: string): Promise<void> {
  await tx
    .updateTable("connections")
    .set({ status: "Disconnected", provisioning_state: "Deleting", etag: operation })
    .where("account", "=", account)
    .where("provisioning_state", "!=", "Deleting")
    .execute();
}

/**
 * Claims link ids for a connection, for as long as it has them and until their revocation has completed (feed rule 27).
 *
 * @returns the ids that it did not get, because another connection has them or had them until now; empty when all were
 *   claimed. Otherwise roll back.
 */
export async function claimLinks(
  tx: Transaction<Database>,
  account: string,
  nameKey: string,
  linkIds: readonly number[],
): Promise<number[]> {
  if (linkIds.length === 0) return [];
  // In ascending order, so that two transactions that want the same ids don't wait for each other.
  const ascending = linkIds.toSorted((a, b) => a - b);
  await tx
    .insertInto("link_claims")
    .values(ascending.map(id => ({ link_id: id, account, name_key: nameKey })))
    .onConflict(conflict => conflict.column("link_id").doNothing())
    .execute();
  // What it has is what it may use. Asking for those of others instead would miss an id that stood in the way of the
  // insert and was freed before the next statement: nobody has it then, and whoever comes next is given it.
  const own = await tx
    .selectFrom("link_claims")
    .select("link_id")
    .where("link_id", "in", ascending)
    .where("account", "=", account)
    .where("name_key", "=", nameKey)
    .execute();
  const claimed = new Set(own.map(row => Number(row.link_id)));
  return ascending.filter(id => !claimed.has(id));
}

/** Frees the link ids a connection has claimed, but for those it keeps; for a while it is known by them all the same. */
export async function releaseLinks(
  tx: Transaction<Database>,
  account: string,
  nameKey: string,
  keep: readonly number[] = [],
): Promise<void> {
  await sql`
    with freed as (
      delete from link_claims where account = ${account} and name_key = ${nameKey}
        and link_id <> all (${keep.map(String)}::bigint[])
      returning account, name_key, link_id)
    insert into past_links (life, link_id, name_key, name)
    select a.life, freed.link_id, c.name_key, c.name
    from freed join accounts a on a.account = freed.account
      join connections c on c.account = freed.account and c.name_key = freed.name_key
    on conflict (life, link_id) do update
      set name_key = excluded.name_key, name = excluded.name, freed_at = excluded.freed_at`.execute(tx);
}
