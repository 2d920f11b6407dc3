import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { claimLinks } from "../../src/connections/repository.ts";
import type { Database } from "../../src/database/schema.ts";
import { useTestDatabase } from "../support/postgres.ts";

const database = useTestDatabase();
let afterStatement: (statement: string) => Promise<void> = async () => {};
/** The registry, as one sees it to whom something happens between two of its statements. */
let db: Kysely<Database>;

beforeAll(() => {
  db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ ...database.open.pool.options }) }),
    log: event => afterStatement(event.query.sql),
  });
});
afterAll(() => db.destroy());

const claim = (account: string, name: string, links: readonly number[]): Promise<number[]> =>
  db.transaction().execute(tx => claimLinks(tx, account, name, links));

const readClaims = (): Promise<unknown[]> =>
  database.open.db.selectFrom("link_claims").selectAll().orderBy("link_id").execute();

test("a link id that is freed between two statements of a claim is not taken for claimed", async () => {
  expect(await claim("first", "pe", [7])).toEqual([]);
  let freed = 0;
  afterStatement = async statement => {
    if (!statement.startsWith("insert") || freed > 0) return;
    freed += 1;
    await database.open.db.deleteFrom("link_claims").where("link_id", "=", 7).execute();
  };
  const taken = await claim("second", "pe", [8, 7]);
  expect(freed).toBe(1);
  expect(taken).toEqual([7]);
  expect(await readClaims()).toEqual([{ link_id: 8, account: "second", name_key: "pe" }]);
  expect(await claim("third", "pe", [7])).toEqual([]);
  expect(await claim("second", "pe", [8, 7])).toEqual([7]);
});

test("what a connection has, it may claim again; another connection of the same account may not", async () => {
  expect(await claim("fourth", "pe", [20, 21])).toEqual([]);
  expect(await claim("fourth", "pe", [22, 21])).toEqual([]);
  expect(await claim("fourth", "other", [21, 23])).toEqual([21]);
});
