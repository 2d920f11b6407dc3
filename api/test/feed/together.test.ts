import { expect, it } from "vitest";
import { together } from "../../src/feed/together.ts";

class Away extends Error {}

function create(answer: (items: readonly string[]) => Promise<readonly string[]>) {
  const rounds: (readonly string[])[] = [];
  const ask = together<string, string>(
    items => {
      rounds.push(items);
      return answer(items);
    },
    item => (item.startsWith("free") ? undefined : item),
    error => error instanceof Away,
  );
  return { ask, rounds };
}

const echo = async (items: readonly string[]) => items.map(item => item.toUpperCase());

it("answers who calls at one time together, each with their own", async () => {
  const { ask, rounds } = create(echo);
  expect(await Promise.all([ask("a"), ask("b"), ask("c")])).toEqual(["A", "B", "C"]);
  expect(rounds).toEqual([["a", "b", "c"]]);
});

it("lets who calls meanwhile wait, and then answers all of them together", async () => {
  const gate = Promise.withResolvers<void>();
  const { ask, rounds } = create(async items => {
    if (items.includes("a")) await gate.promise;
    return echo(items);
  });
  const first = ask("a");
  await expect.poll(() => rounds.length).toBe(1);
  const later = [ask("b"), ask("c")];
  gate.resolve();
  expect(await Promise.all([first, ...later])).toEqual(["A", "B", "C"]);
  expect(rounds).toEqual([["a"], ["b", "c"]]);
});

it("never answers two of one key together; those without a key always", async () => {
  const { ask, rounds } = create(echo);
  await Promise.all([ask("a"), ask("a"), ask("free"), ask("free"), ask("a")]);
  expect(rounds).toEqual([["a", "free", "free"], ["a"], ["a"]]);
});

it("fails nobody for what another has sent", async () => {
  const { ask, rounds } = create(async items => {
    if (items.includes("poison")) throw new Error("bad");
    return echo(items);
  });
  const asked = await Promise.allSettled([ask("a"), ask("poison"), ask("b")]);
  expect(asked.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(rounds).toEqual([["a", "poison", "b"], ["a"], ["poison"], ["b"]]);
});

it("does not try again, one by one, what would fail for all", async () => {
  const { ask, rounds } = create(() => Promise.reject(new Away()));
  const asked = await Promise.allSettled([ask("a"), ask("b")]);
  expect(asked.every(({ status }) => status === "rejected")).toBe(true);
  expect(rounds).toHaveLength(1);
  // The next is asked for all the same.
  await expect(ask("c")).rejects.toThrow(Away);
});
