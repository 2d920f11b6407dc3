import { randomBytes } from "node:crypto";
import { readStartOver, START_OVER_DROP } from "@linkgate/core";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { retireGate } from "../../src/gates/repository.ts";
import { GateDouble, gateNames, gateRow, openFeed, putAccount, putConnection } from "../feed/kit.ts";
import { until } from "../support/until.ts";

const feed = await openFeed();
const { db } = feed.database;

const change = (account: string, ids: readonly number[]) =>
  db.transaction().execute(tx => putConnection(tx, account, ids));

const cursorRow = (cursor: string) =>
  db.selectFrom("cursors").selectAll().where("cursor", "=", cursor).executeTakeFirst();

describe("what is recorded", () => {
  test("rule 12: the gate is recorded before the snapshot is taken that it is answered from", async () => {
    await putAccount(db, "alpha");
    await new GateDouble(feed).follow(); // the registry is in its epoch
    // Handing out waits for this lock; the record of the poll is there already, and the snapshot is newer than it.
    const cursors = await db.startTransaction().execute();
    await sql`lock table cursors in share mode`.execute(cursors);
    const joining = new GateDouble(feed);
    const answer = joining.poll();
    const row = await until("the joining gate is recorded", () => gateRow(db, joining.incarnation));
    expect(row).toMatchObject({ state: "live", acknowledged: null });
    await cursors.rollback().execute();
    await answer;
    const { rows } = await sql<{ seen: boolean }>`
      select pg_visible_in_snapshot((select xmin::text::xid8 from gates where incarnation = ${joining.incarnation}), sweep) as seen
      from cursors where incarnation = ${joining.incarnation}`.execute(db);
    expect(rows).toEqual([{ seen: true }]);
  });

  test("rule 13: only a cursor between sweeps acknowledges; a first load does not until it is whole", async () => {
    for (const account of ["a", "b", "c"]) await putAccount(db, account);
    const gate = new GateDouble(feed);
    const acknowledged = async () => (await gateRow(db, gate.incarnation))?.acknowledged;
    for (const isDone of [false, false, true]) {
      expect((await gate.poll({ limit: 1 })).isDone).toBe(isDone);
      expect(await acknowledged()).toBeNull();
    }
    const whole = (await cursorRow(gate.cursor))?.sweep;
    await change("a", [1]);
    await change("b", [1]);
    await gate.poll({ limit: 1 });
    expect(await acknowledged(), "shown between two sweeps").toBe(whole);
    await gate.poll({ limit: 1 });
    expect(await acknowledged(), "shown inside a sweep").toBe(whole);
    const next = (await cursorRow(gate.cursor))?.sweep;
    await gate.poll({ limit: 1 });
    expect(await acknowledged()).toBe(next);
  });

  test("rule 13: a reload keeps what was acknowledged, and adds nothing until it is whole", async () => {
    for (const account of ["a", "b"]) await putAccount(db, account);
    const gate = new GateDouble(feed);
    await gate.follow();
    await gate.follow();
    const { acknowledged } = (await gateRow(db, gate.incarnation)) ?? {};
    await change("a", [1]);
    gate.cursor = "";
    await gate.poll({ limit: 1 });
    await gate.poll({ limit: 1 });
    expect((await gateRow(db, gate.incarnation))?.acknowledged).toBe(acknowledged);
    await gate.poll();
    expect((await gateRow(db, gate.incarnation))?.acknowledged).not.toBe(acknowledged);
  });

  test("rule 11: twin processes of one name are two gates", async () => {
    const [one, two] = [new GateDouble(feed), new GateDouble(feed)];
    await one.follow();
    await two.follow();
    const rows = await db.selectFrom("gates").select(["incarnation", "gate", "state"]).execute();
    expect(rows).toHaveLength(2);
    expect(new Set(rows.map(row => `${row.gate} ${row.state}`))).toEqual(new Set([`${gateNames[0]} live`]));
  });

  test("rule 16: the larger of old and new age limit holds until the gate shows that the new one has arrived", async () => {
    const gate = new GateDouble(feed);
    const maxAge = async () => (await gateRow(db, gate.incarnation))?.max_age;
    await gate.poll({ maxAge: 100 });
    expect(await maxAge()).toBe(100);
    for (const cursor of [gate.cursor, "", "junk"]) {
      await gate.ask({ maxAge: 10, cursor }); // this answer is lost
      expect(await maxAge()).toBe(100);
    }
    await gate.poll({ maxAge: 10 });
    expect(await maxAge(), "the cursor it showed was answered when 100 was in force").toBe(100);
    await gate.poll({ maxAge: 10 });
    expect(await maxAge()).toBe(10);
    await gate.poll({ maxAge: 50 });
    expect(await maxAge(), "a larger one holds at once").toBe(50);
  });

  test("rule 16: a poll that is recorded after its successor was answered does not lower the age limit", async () => {
    const gate = new GateDouble(feed);
    const maxAge = async () => (await gateRow(db, gate.incarnation))?.max_age;
    await gate.poll({ maxAge: 10 });
    const late = { maxAge: 10, cursor: gate.cursor };
    await gate.poll({ maxAge: 100 });
    await gate.ask(late);
    expect(await maxAge(), "the answer with 100 is in force at the gate").toBe(100);
    await gate.poll({ maxAge: 100 });
    expect(await maxAge()).toBe(100);
  });

  test("rule 22: goodbye is final, also for an incarnation that was never heard before", async () => {
    const gate = new GateDouble(feed);
    await gate.follow();
    const bye = await gate.ask({ bye: 1 });
    expect([bye.status, await bye.text()]).toEqual([204, ""]);
    expect(await gateRow(db, gate.incarnation)).toMatchObject({ state: "ended" });
    expect((await gate.ask({ bye: 1 })).status, "twice is the same as once").toBe(204);
    const after = await gate.ask();
    expect(after.status).toBe(410);
    expect(readStartOver(await after.text())).toBe(START_OVER_DROP);
    const unheard = new GateDouble(feed);
    expect((await unheard.ask({ bye: 1 })).status).toBe(204);
    expect((await unheard.ask()).status, "its first poll, late").toBe(410);
  });

  test("rule 25: a retired incarnation is told to drop its table, for ever; a new one loads", async () => {
    const gate = new GateDouble(feed);
    await gate.follow();
    await retireGate(db, gate.incarnation);
    for (const cursor of [gate.cursor, "", "junk"]) {
      const response = await gate.ask({ cursor });
      expect([response.status, await response.text()]).toEqual([410, "!start-over\tdrop\n"]);
    }
    gate.incarnation = randomBytes(16).toString("hex");
    gate.cursor = "";
    await gate.follow();
  });

  test("rule 25: a poll that is held back ends at once when its gate is retired", async () => {
    const gate = new GateDouble(feed);
    await gate.follow();
    const answer = gate.ask({ wait: 30 });
    await until("the poll is held back", () => feed.held() === 1);
    await retireGate(db, gate.incarnation);
    expect((await answer).status).toBe(410);
  });

  test("rule 26: heard_at is the database's, and an open poll renews it", async () => {
    const gate = new GateDouble(feed);
    await gate.follow();
    await gate.follow();
    const answer = gate.poll({ wait: 30 });
    await until("the poll is held back", () => feed.held() === 1);
    const before = (await gateRow(db, gate.incarnation))?.heard_at ?? new Date();
    await until("it is heard again", async () => ((await gateRow(db, gate.incarnation))?.heard_at ?? 0) > before);
    await putAccount(db, "alpha");
    await answer;
  });
});
