import { TABLE_CURRENT, TABLE_NONE } from "@linkgate/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readIncarnation } from "../src/incarnation.ts";
import { applyAnswer, preparePoll } from "../src/sweep.ts";
import { parseState, readStateText, SharedTable, type TableState } from "../src/table.ts";
import { type FakeZone, fakeNginx } from "./support/fake-nginx.ts";

// What an answer does to the table, step by step: the moments that a test with real NGINX can't stop at.

let tables: FakeZone<string>[];

beforeEach(() => {
  ({ tables } = fakeNginx());
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Sends a poll at `second`, and applies its answer. */
function poll(second: number, body: string, status = 200, maxTableAge = 100): void {
  const sent = { wall: 1_800_000_000_000 + second * 1000, uptime: second * 1000 };
  applyAnswer(preparePoll(readIncarnation(), sent, maxTableAge), { status, body });
}

function state(): TableState {
  return parseState(readStateText());
}

function entryOf(account: string): string | undefined {
  const { zone } = state();
  return zone === null ? undefined : tables[zone]?.get(account);
}

describe("a first load", () => {
  test("is in force with its last page, and its age counts from its first poll (rules 15 and 21)", () => {
    poll(1, "+a\t1\tenabled\t17\n=c1\tmore\n");
    expect(state()).toMatchObject({ zone: null, cursor: "c1", load: { generation: 1 } });
    poll(2, "+b\t1\tenabled\t18\n=c2\tdone\n");
    expect(state()).toMatchObject({ generation: 1, cursor: "c2", sweep: null, load: null });
    expect(state().sent.uptime).toBe(1000);
    expect(state().expires.uptime).toBe(101_000);
    expect([entryOf("a"), entryOf("b")]).toEqual(["enabled\t17\t1", "enabled\t18\t1"]);
  });

  test("that does not fit is forgotten", () => {
    for (const table of tables) table.isFull = true;
    expect(() => poll(1, "+a\t1\tenabled\t17\n=c1\tdone\n")).toThrow("the table is full: 1 accounts");
    expect(state()).toMatchObject({ zone: null, cursor: "", load: null, lastGeneration: 1 });
  });
});

describe("zones that a reload has made", () => {
  test("take no state of others for theirs, of the same size either; the generation goes on (rules 20 and 21)", () => {
    poll(1, "+a\t1\tenabled\t17\n=c1\tdone\n");
    const table = new SharedTable();
    vi.setSystemTime(1_800_000_001_000);
    expect(table.readState()).toBe(TABLE_CURRENT);
    for (const zone of tables) zone.clear(); // what a new worker finds
    expect(new SharedTable().readState()).toBe(TABLE_NONE);
    expect(state()).toMatchObject({ zone: null, cursor: "", lastGeneration: 1 });
    poll(2, "+a\t1\tenabled\t17\n=c2\tdone\n");
    expect(state()).toMatchObject({ generation: 2, cursor: "c2" });
    expect(new SharedTable().readState()).toBe(TABLE_CURRENT);
    expect(entryOf("a")).toBe("enabled\t17\t1");
  });

  test("are not left by a load that empties one of them", () => {
    poll(1, "+a\t1\tenabled\t17\n=c1\tdone\n");
    const table = new SharedTable();
    vi.setSystemTime(1_800_000_001_000);
    expect(() => poll(2, "!start-over\tkeep\n", 410)).toThrow();
    poll(3, "+b\t1\tenabled\t18\n=c2\tmore\n");
    expect(table.readState()).toBe(TABLE_CURRENT);
  });
});

describe("a sweep", () => {
  beforeEach(() => poll(1, "+a\t5\tenabled\t17\n=c1\tdone\n"));

  test("of several pages refreshes the age with its last one, by when its first poll was sent (rule 15)", () => {
    poll(10, "=c2\tmore\n");
    expect(state().expires.uptime).toBe(101_000);
    poll(20, "=c3\tdone\n");
    expect(state().expires.uptime).toBe(110_000);
    poll(30, "=c4\tdone\n");
    expect(state().expires.uptime).toBe(130_000);
  });

  test("brings a new age limit into force with its answer (rule 16)", () => {
    poll(10, "=c2\tdone\n", 200, 5);
    expect(state().expires.uptime).toBe(15_000);
  });

  test("applies what is newer, and nothing else (rule 19)", () => {
    for (const version of ["4", "5"]) poll(2, `+a\t${version}\tdisabled\t\n=c\tdone\n`);
    expect(entryOf("a")).toBe("enabled\t17\t5");
    poll(3, "-a\t6\n=c\tdone\n");
    expect(entryOf("a")).toBe("removed\t\t6");
    poll(4, "+a\t5\tenabled\t17\n=c\tdone\n");
    expect(entryOf("a")).toBe("removed\t\t6");
    poll(5, "+a\t10\tenabled\t17\n=c\tdone\n");
    expect(entryOf("a")).toBe("enabled\t17\t10");
  });

  test("that can't be written removes what it would have changed, and is not acknowledged (rule 18)", () => {
    for (const table of tables) table.isFull = true;
    expect(() => poll(2, "+a\t6\tenabled\t\n+b\t1\tenabled\t1\n=c2\tdone\n")).toThrow("the table is full: 2 accounts");
    expect(entryOf("a")).toBeUndefined();
    expect(state()).toMatchObject({ cursor: "c1", expires: { uptime: 101_000 } });
  });

  test("with a bad line changes nothing", () => {
    const before = readStateText();
    expect(() => poll(2, "+a\t6\tenabled\t\n+B\t1\tenabled\t\n=c2\tdone\n")).toThrow("line 2 of the page is malformed");
    expect(entryOf("a")).toBe("enabled\t17\t5");
    expect(readStateText()).toBe(before);
  });
});

describe("start over", () => {
  beforeEach(() => poll(1, "+a\t5\tenabled\t17\n+b\t5\tenabled\t18\n=c1\tdone\n"));

  test("keep: the old table decides until the new one is whole; versions begin again (rules 19 to 21)", () => {
    const { zone } = state();
    expect(() => poll(2, "!start-over\tkeep\n", 410)).toThrow("does not know the cursor");
    poll(3, "+a\t1\tdisabled\t\n=x\tmore\n");
    expect(state()).toMatchObject({ zone, generation: 1 });
    expect([entryOf("a"), entryOf("b")]).toEqual(["enabled\t17\t5", "enabled\t18\t5"]);
    poll(4, "=y\tdone\n");
    expect(state()).toMatchObject({ zone: 1 - (zone ?? 0), generation: 2, cursor: "y" });
    expect([entryOf("a"), entryOf("b")]).toEqual(["disabled\t\t1", undefined]);
  });

  test("keep in the middle of a load begins a new one, which keeps nothing of the first", () => {
    expect(() => poll(2, "!start-over\tkeep\n", 410)).toThrow();
    poll(3, "+stale\t1\tenabled\t1\n=x\tmore\n");
    expect(() => poll(4, "!start-over\tkeep\n", 410)).toThrow();
    poll(5, "+a\t1\tenabled\t1\n=y\tdone\n");
    expect(state()).toMatchObject({ generation: 3 });
    expect(entryOf("stale")).toBeUndefined();
  });

  test.for(["!start-over\tdrop\n", "", "!start-over\tdrop", "<html>"])("drop, and what can't be read: %j", body => {
    const incarnation = readIncarnation();
    expect(() => poll(2, body, 410)).toThrow("retired");
    expect(state()).toMatchObject({ zone: null, cursor: "", lastGeneration: 1 });
    expect(readIncarnation()).toMatch(/^[0-9a-f]{32}$/);
    expect(readIncarnation()).not.toBe(incarnation);
  });
});
