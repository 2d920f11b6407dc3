import { expect, test } from "vitest";
import { claimLinks } from "../../src/connections/repository.ts";
import { useInterruptedDatabase } from "../support/interrupt.ts";
import { useTestDatabase } from "../support/postgres.ts";

const database = useTestDatabase();
const claimant = useInterruptedDatabase(database);

const claim = (account: string, name: string, links: readonly number[]): Promise<number[]> =>
  claimant.db.transaction().execute(tx => claimLinks(tx, account, name, links));

const readClaims = (): Promise<unknown[]> =>
  database.open.db.selectFrom("link_claims").selectAll().orderBy("link_id").execute();

test("a link id that is freed between two statements of a claim is not taken for claimed", async () => {
  expect(await claim("first", "pe", [7])).toEqual([]);
  let freed = 0;
  claimant.after("insert", async () => {
    freed += 1;
    await database.open.db.deleteFrom("link_claims").where("link_id", "=", 7).execute();
  });
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
