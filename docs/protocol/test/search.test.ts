import { expect, test } from "vitest";
import { type Machine, search } from "../model/search.ts";
import { sees } from "../model/state.ts";

/** States are numbers from 0; each has the moves that are given, and `!` marks those of the world. */
const machine = (moves: Record<number, string>, bad: number[] = [], goal = 0): Machine<number> => ({
  start: 0,
  moves: state =>
    (moves[state] ?? "")
      .split(" ")
      .filter(text => text !== "")
      .map(text => ({ name: text, isProgress: !text.startsWith("!"), next: Number(text.replace("!", "")) })),
  findBroken: state => (bad.includes(state) ? `bad ${state}` : undefined),
  goals: { home: state => state === goal },
  format: String,
});

test("everything is visited once, and depth is the longest of the shortest ways", () => {
  const outcome = search(machine({ 0: "1 2", 1: "0 2", 2: "3", 3: "0" }), 10);
  expect(outcome).toEqual({ states: 4, moves: 6, depth: 2, counterexample: undefined });
});

test("the way to a broken invariant is the shortest there is", () => {
  const { counterexample } = search(machine({ 0: "1 4", 1: "2", 2: "3", 3: "9", 4: "9" }, [9]), 10);
  expect(counterexample).toEqual({ broken: "bad 9", trace: ["4", "9"] });
});

test("a start that is broken has no way at all", () => {
  expect(search(machine({}, [0]), 10).counterexample).toEqual({ broken: "bad 0", trace: [] });
});

test("a goal must be reachable from everywhere, and not by luck", () => {
  expect(search(machine({ 0: "1", 1: "2", 2: "0" }), 10).counterexample).toBeUndefined();
  expect(search(machine({ 0: "1", 1: "2", 2: "!0" }), 10).counterexample).toEqual({ broken: "home", trace: ["1"] });
  expect(search(machine({ 0: "0 !1", 1: "1" }), 10).counterexample).toEqual({ broken: "home", trace: ["!1"] });
});

test("what was not searched to the end has shown nothing", () => {
  expect(() => search(machine({ 0: "1", 1: "2", 2: "3", 3: "0" }), 3)).toThrow("more than 3 states");
});

test("a snapshot sees what had ended when it was taken", () => {
  const snapshot = { max: 5, open: [3] };
  expect([2, 3, 4, 5, 6].filter(id => sees(snapshot, id))).toEqual([2, 4]);
});
