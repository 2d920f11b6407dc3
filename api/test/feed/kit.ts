import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LINE_DONE, LINE_MALFORMED, LINE_MORE, LINE_REMOVAL, LINE_UPSERT, Line, readLine } from "@linkgate/core";
import Fastify from "fastify";
import type { Transaction } from "kysely";
import { afterAll, afterEach, expect } from "vitest";
import type { Notifications } from "../../src/database/notifications.ts";
import { type OpenDatabase, openDatabase } from "../../src/database/open.ts";
import type { ConnectionStatus, Database } from "../../src/database/schema.ts";
import { publishAccount } from "../../src/feed/publish.ts";
import { feedRoutes } from "../../src/feed/routes.ts";
import { createTestDatabase } from "../support/postgres.ts";

/** The names that {@link startFeed} knows tokens of. */
export const gateNames = ["ams-1", "ams-2", "ams-3"] as const;
export const tokenOf = (gate: string): string => `token-of-${gate}`;
export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

export interface Feed {
  readonly url: string;
  readonly databaseUrl: string;
  readonly tokensFile: string;
  readonly database: OpenDatabase;
  /** Polls that are held back at this moment. */
  held(): number;
  close(): Promise<void>;
}

/** The feed's routes on a listener and a database pool of their own, as one replica of the api has them. */
export async function startFeed(databaseUrl: string): Promise<Feed> {
  const folder = await mkdtemp(join(tmpdir(), "linkgate-feed-"));
  const tokensFile = join(folder, "tokens.json");
  await writeFile(
    tokensFile,
    JSON.stringify(Object.fromEntries(gateNames.map(gate => [gate, [sha256(tokenOf(gate))]]))),
  );
  const opened = openDatabase(databaseUrl);
  let held = 0;
  const notifications: Notifications = {
    ...opened.notifications,
    async wait(...args) {
      held += 1;
      await opened.notifications.wait(...args).finally(() => {
        held -= 1;
      });
    },
  };
  const database = { ...opened, notifications };
  const app = Fastify();
  await app.register(feedRoutes, { database, tokensFile });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  return {
    url,
    databaseUrl,
    tokensFile,
    database,
    held: () => held,
    async close() {
      await app.close();
      await opened.close();
      await rm(folder, { recursive: true });
    },
  };
}

/**
 * The feed on a database of the test file's own, whose tables are empty again after each test. For the top level of a file:
 * it registers what ends it.
 */
export async function openFeed(): Promise<Feed> {
  const { url, drop } = await createTestDatabase();
  const feed = await startFeed(url);
  afterEach(() => emptyTables(feed.database.db));
  afterAll(async () => {
    await feed.close();
    await drop();
  });
  return feed;
}

/** In an order that no reference between them forbids. */
async function emptyTables(db: OpenDatabase["db"]): Promise<void> {
  const registry = ["connections", "link_claims", "accounts", "feed", "cursors", "gates", "operations"] as const;
  const counts = ["counts", "connection_traffic", "past_links", "reporters"] as const;
  for (const table of [...registry, ...counts]) await db.deleteFrom(table).execute();
}

export interface PollOptions {
  readonly wait?: number;
  readonly limit?: number;
  readonly maxAge?: number;
  readonly signal?: AbortSignal;
}

/** One line of a page, read by core's own reader. */
export interface Told {
  readonly account: string;
  readonly version: number;
  /** `enabled<TAB>ids`; undefined for a removal. */
  readonly record: string | undefined;
}

export interface Page {
  readonly lines: readonly Told[];
  readonly cursor: string;
  readonly isDone: boolean;
}

/** Reads a page with core's line reader; a line that it refuses fails the test. */
export function readPage(page: string): Page {
  expect(page, "a page ends with LF").toMatch(/\n$/);
  const lines: Told[] = [];
  const line = new Line();
  for (let from = 0; from < page.length; ) {
    const end = page.indexOf("\n", from);
    const kind = readLine(page, from, end, line);
    if (kind === LINE_MALFORMED) throw new Error(`malformed line: ${JSON.stringify(page.slice(from, end))}`);
    const name = page.slice(line.nameStart, line.nameEnd);
    if (kind === LINE_MORE || kind === LINE_DONE) {
      expect(end, "nothing follows the last line").toBe(page.length - 1);
      return { lines, cursor: name, isDone: kind === LINE_DONE };
    }
    expect([LINE_UPSERT, LINE_REMOVAL]).toContain(kind);
    const version = Number(page.slice(line.versionStart, line.versionEnd));
    const record = kind === LINE_UPSERT ? page.slice(line.recordStart, line.end) : undefined;
    lines.push({ account: name, version, record });
    from = end + 1;
  }
  throw new Error("a page without its last line");
}

/** A gate that follows the feed as feed rules 10 to 22 ask of it, and keeps its table in memory. */
export class GateDouble {
  readonly name: string;
  readonly #url: string;
  incarnation = randomBytes(16).toString("hex");
  cursor = "";
  /** Account to version and record; a removal keeps its version. */
  table = new Map<string, { version: number; record: string | undefined }>();

  constructor(feed: { readonly url: string }, name: string = gateNames[0]) {
    this.#url = feed.url;
    this.name = name;
  }

  /** One poll as it goes over the wire; nothing is applied. */
  ask(query: Record<string, string | number> = {}, signal?: AbortSignal): Promise<Response> {
    const { name: gate, incarnation, cursor } = this;
    const search = new URLSearchParams({ gate, incarnation, cursor, maxAge: "3600" });
    for (const [key, value] of Object.entries(query)) search.set(key, String(value));
    return fetch(`${this.#url}/gate/v1/changes?${search}`, {
      headers: { authorization: `Bearer ${tokenOf(gate)}` },
      signal: signal ?? null,
    });
  }

  /** One poll whose page is applied. */
  async poll({ signal, ...query }: PollOptions = {}): Promise<Page> {
    const response = await this.ask({ ...query }, signal);
    const text = await response.text();
    expect(response.status, text).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=us-ascii");
    const page = readPage(text);
    for (const { account, version, record } of page.lines) {
      const old = this.table.get(account);
      expect(version, `${account} never gets an older version`).toBeGreaterThanOrEqual(old?.version ?? 0);
      if (old?.version === version) expect(record, `${account} at version ${version} says one thing`).toBe(old.record);
      this.table.set(account, { version, record });
    }
    this.cursor = page.cursor;
    return page;
  }

  /** Polls until a sweep is whole, and again so that it is acknowledged. Returns all it was told. */
  async follow(options: PollOptions = {}): Promise<Told[]> {
    const told: Told[] = [];
    for (;;) {
      const page = await this.poll(options);
      told.push(...page.lines);
      if (page.isDone) break;
    }
    return told;
  }

  /** What the gate would admit by: the accounts that are there, with their records. */
  records(): Record<string, string> {
    return Object.fromEntries(
      [...this.table].flatMap(([account, { record }]) => (record === undefined ? [] : [[account, record]])).sort(),
    );
  }
}

/** Puts an account into the registry and tells the gates. */
export function putAccount(db: OpenDatabase["db"], account: string, access: "Enabled" | "Disabled" = "Enabled") {
  return db.transaction().execute(async tx => {
    await insertAccount(tx, account, access);
    await publishAccount(tx, account);
  });
}

export async function insertAccount(
  tx: Transaction<Database>,
  account: string,
  access: "Enabled" | "Disabled" = "Enabled",
) {
  await tx
    .insertInto("accounts")
    .values({
      account,
      subscription_id: "11111111-1111-4111-8111-111111111111",
      resource_group: "group",
      resource_type: "services",
      name: account,
      location: "westeurope",
      kind: "fhir-R4",
      tags: "{}",
      properties: "{}",
      public_network_access: access,
      provisioning_state: "Succeeded",
      etag: "1",
      system_data: "{}",
    })
    .execute();
}

/** Gives the account exactly one connection, with these link ids and this status, and tells the gates. */
export async function putConnection(
  tx: Transaction<Database>,
  account: string,
  linkIds: readonly number[],
  status: ConnectionStatus = "Approved",
): Promise<void> {
  await tx.deleteFrom("connections").where("account", "=", account).execute();
  await addConnection(tx, account, "pe", linkIds, status);
  await publishAccount(tx, account);
}

export async function addConnection(
  tx: Transaction<Database>,
  account: string,
  name: string,
  linkIds: readonly number[],
  status: ConnectionStatus = "Approved",
): Promise<void> {
  await tx
    .insertInto("connections")
    .values({
      account,
      name_key: name,
      name,
      status,
      description: "",
      actions_required: "None",
      provisioning_state: "Succeeded",
      remote_private_endpoint: "{}",
      immutable_resource_id: null,
      link_ids: linkIds.map(String),
      etag: "1",
      system_data: "{}",
    })
    .execute();
}

/** Takes the account away and tells the gates. */
export async function removeAccount(tx: Transaction<Database>, account: string): Promise<void> {
  await tx.deleteFrom("connections").where("account", "=", account).execute();
  await tx.deleteFrom("accounts").where("account", "=", account).execute();
  await publishAccount(tx, account);
}

export const gateRow = (db: OpenDatabase["db"], incarnation: string) =>
  db.selectFrom("gates").selectAll().where("incarnation", "=", incarnation).executeTakeFirst();

export const feedRow = (db: OpenDatabase["db"], account: string) =>
  db.selectFrom("feed").selectAll().where("account", "=", account).executeTakeFirstOrThrow();
