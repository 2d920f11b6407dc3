import { expect, test } from "vitest";
import { takeTurns } from "../../src/admin/counts/turns.ts";

test("so many tasks run at one time, in the order they came; one that fails gives its turn on", async () => {
  const inTurn = takeTurns(2);
  const begun: number[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<string>());
  const results = ends.map(({ promise }, n) =>
    inTurn(() => {
      begun.push(n);
      return promise;
    }),
  );
  const settled = Promise.allSettled(results);
  const breathe = () => new Promise(resolve => setImmediate(resolve));
  await breathe();
  expect(begun).toEqual([0, 1]);
  ends[1]?.reject(new Error("failed"));
  await breathe();
  expect(begun).toEqual([0, 1, 2]);
  ends[0]?.resolve("zero");
  ends[2]?.resolve("two");
  await breathe();
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  ends[3]?.resolve("three");
  ends[4]?.resolve("four");
  expect((await settled).map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    ...["fulfilled", "fulfilled", "fulfilled"],
  ]);
  await expect(inTurn(async () => "later")).resolves.toBe("later");
});
