import { describe, expect, test } from "vitest";
import { findObstacle, MAX_DECIDED } from "../src/connections/legality.ts";
import { type ListState, readListState, writeListState } from "../src/connections/list-state.ts";
import { quote } from "../src/connections/next-steps.tsx";
import { connectionDocument as connection } from "./support/documents.ts";

describe("what a button says of a selection", () => {
  test("nothing selected, or too many for one call", () => {
    expect(findObstacle("approve", [])).toBe("decide.obstacle.nothing");
    const many = Array.from({ length: MAX_DECIDED + 1 }, () => connection());
    expect(findObstacle("approve", many)).toBe("decide.obstacle.many");
  });

  test.each([
    ["Pending", [undefined, undefined, undefined]],
    ["Approved", ["decide.obstacle.approve", undefined, undefined]],
    ["Rejected", ["decide.obstacle.approve", "decide.obstacle.reject", undefined]],
    ["Disconnected", ["decide.obstacle.approve", "decide.obstacle.reject", "decide.obstacle.remove"]],
  ] as const)("%s: approve, reject, remove", (state, obstacles) => {
    const selection = [connection({ state })];
    const found = (["approve", "reject", "remove"] as const).map(action => findObstacle(action, selection));
    expect(found).toEqual(obstacles);
  });

  test("one row without the right, or with something going on, is enough", () => {
    const reader = connection({ rights: { approve: false, remove: false } });
    expect(findObstacle("approve", [connection(), reader])).toBe("decide.obstacle.rights");
    const operation = { id: "o", kind: "remove", startedAt: "2026-11-22T00:00:00Z" };
    const running = connection({
      progress: { phase: "spreading", gates: 2, inForce: 1, waitingFor: ["x"], operation },
    });
    expect(findObstacle("remove", [running])).toBe("decide.obstacle.running");
  });
});

describe("what the URL says", () => {
  test("a list opens on what is pending", () => {
    expect(readListState(new URLSearchParams())).toMatchObject({
      states: ["Pending"],
      sort: "requested",
      order: "asc",
    });
  });

  test("every state of the list has a URL that means the same", () => {
    const states: ListState[] = [
      { states: [], account: "", search: "", sort: "requested", order: "asc", cursor: "" },
      { states: ["Approved", "Rejected"], account: "a", search: "x & y", sort: "name", order: "desc", cursor: "abc=" },
    ];
    for (const state of states) {
      expect(readListState(new URLSearchParams(writeListState(state)))).toEqual(state);
    }
  });

  test("what makes no sense is left out", () => {
    const parameters = new URLSearchParams("state=Pending,<script>&sort=drop&order=up");
    expect(readListState(parameters)).toMatchObject({ states: ["Pending"], sort: "requested", order: "asc" });
  });
});

test("a command to copy holds no name that a shell would read as more than a name", () => {
  expect(quote("pe-1.westus")).toBe("pe-1.westus");
  expect(quote("x; rm -rf ~")).toBe("'x; rm -rf ~'");
  expect(quote("it's $(id)")).toBe("'it'\\''s $(id)'");
});
