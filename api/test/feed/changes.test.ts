import { readStartOver, START_OVER_KEEP } from "@linkgate/core";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { feedRow, GateDouble, gateRow, openFeed, putAccount, putConnection, removeAccount } from "./kit.ts";

const feed = await openFeed();
const { db } = feed.database;

const change = (account: string, ids: readonly number[]) =>
  db.transaction().execute(tx => putConnection(tx, account, ids));

const cursorRow = (cursor: string) =>
  db.selectFrom("cursors").selectAll().where("cursor", "=", cursor).executeTakeFirst();

describe("what is sent", () => {
  test("a first load, then each change once, then nothing", async () => {
    await putAccount(db, "alpha");
    await putAccount(db, "beta", "Disabled");
    await change("alpha", [17, 822088585]);
    const gate = new GateDouble(feed);
    expect(await gate.follow()).toEqual([
      { account: "alpha", version: 2, record: "enabled\t17,822088585" },
      { account: "beta", version: 1, record: "disabled\t" },
    ]);
    await change("beta", [5]);
    await db.transaction().execute(tx => removeAccount(tx, "alpha"));
    expect(await gate.follow()).toEqual([
      { account: "alpha", version: 3, record: undefined },
      { account: "beta", version: 2, record: "disabled\t5" },
    ]);
    expect(await gate.follow()).toEqual([]);
  });

  test("the bytes on the wire", async () => {
    await putAccount(db, "alpha");
    await change("alpha", [7]);
    const gate = new GateDouble(feed);
    const response = await gate.ask();
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.text()).toMatch(/^\+alpha\t2\tenabled\t7\n=[0-9a-f]{64}\tdone\n$/);
  });

  test("pages of a few lines each, in the order of the names, the last one full as well", async () => {
    for (const account of ["d", "b-1", "a", "b", "c", "b0"]) await putAccount(db, account);
    const gate = new GateDouble(feed);
    const pages = [await gate.poll({ limit: 2 }), await gate.poll({ limit: 2 }), await gate.poll({ limit: 2 })];
    expect(pages.map(page => page.lines.map(line => line.account))).toEqual([
      ["a", "b"],
      ["b-1", "b0"],
      ["c", "d"],
    ]);
    expect(pages.map(page => page.isDone)).toEqual([false, false, true]);
  });

  test("a first load has no tombstones", async () => {
    await putAccount(db, "gone");
    await db.transaction().execute(tx => removeAccount(tx, "gone"));
    await putAccount(db, "here");
    expect((await new GateDouble(feed).follow()).map(line => line.account)).toEqual(["here"]);
  });
});

describe("cursors", () => {
  test("rule 2: a cursor means nothing to the gate, and inside a sweep its row holds place and snapshot", async () => {
    for (const account of ["a", "b", "c"]) await putAccount(db, account);
    const gate = new GateDouble(feed);
    await gate.follow();
    const base = (await cursorRow(gate.cursor))?.sweep;
    for (const account of ["a", "b", "c"]) await change(account, [1]);
    await gate.poll({ limit: 1 });
    expect(gate.cursor).toMatch(/^[0-9a-f]{64}$/);
    const first = await cursorRow(gate.cursor);
    expect(first).toMatchObject({ base, last_account: "a", incarnation: gate.incarnation });
    await gate.poll({ limit: 1 });
    expect(await cursorRow(gate.cursor)).toMatchObject({ base, sweep: first?.sweep, last_account: "b" });
    await gate.poll({ limit: 1 });
    expect(await cursorRow(gate.cursor)).toMatchObject({ sweep: first?.sweep, last_account: null });
  });

  test("rule 3: a sweep's snapshot is that of its first page: what changes behind its place comes in the next one", async () => {
    for (const account of ["a", "b", "c"]) await putAccount(db, account);
    const gate = new GateDouble(feed);
    await gate.poll({ limit: 1 });
    await change("a", [1]);
    await putAccount(db, "aa");
    await gate.poll({ limit: 1 });
    await gate.poll({ limit: 5 });
    expect(await gate.follow()).toEqual(
      expect.arrayContaining([
        { account: "a", version: 2, record: "enabled\t1" },
        { account: "aa", version: 1, record: "enabled\t" },
      ]),
    );
    expect(Object.keys(gate.records())).toEqual(["a", "aa", "b", "c"]);
    expect(await gate.follow()).toEqual([]);
  });

  test("rule 3: a removal behind the place of a first load comes in the next sweep", async () => {
    for (const account of ["a", "b", "c"]) await putAccount(db, account);
    const gate = new GateDouble(feed);
    await gate.poll({ limit: 1 });
    await db.transaction().execute(tx => removeAccount(tx, "a"));
    await gate.follow();
    await gate.follow();
    expect(gate.records()).toEqual({ b: "enabled\t", c: "enabled\t" });
  });

  test("rule 3: transactions that commit in another order than they began", async () => {
    await putAccount(db, "early");
    await putAccount(db, "late");
    const gate = new GateDouble(feed);
    await gate.follow();
    const early = await db.startTransaction().execute();
    await putConnection(early, "early", [1]); // has the lower id, commits last
    await change("late", [2]);
    expect((await gate.follow()).map(line => line.account)).toEqual(["late"]);
    await early.commit().execute();
    expect(
      (await gate.follow()).map(line => line.account),
      "below ids that the gate has seen",
    ).toEqual(["early"]);
    expect(await gate.follow()).toEqual([]);
  });

  test("rule 3: a row whose writer goes down", async () => {
    await putAccount(db, "row");
    const gate = new GateDouble(feed);
    await gate.follow();
    const older = await db.startTransaction().execute();
    const { rows } = await sql<{ id: string }>`select pg_current_xact_id()::text as id`.execute(older);
    await change("row", [726]);
    expect(await gate.follow()).toEqual([{ account: "row", version: 2, record: "enabled\t726" }]);
    const { writer } = await feedRow(db, "row");
    await putConnection(older, "row", [725]);
    await older.commit().execute();
    const after = await feedRow(db, "row");
    expect(after.writer).toBe(rows[0]?.id);
    expect(BigInt(after.writer), "the id went down").toBeLessThan(BigInt(writer));
    expect(await gate.follow()).toEqual([{ account: "row", version: 3, record: "enabled\t725" }]);
  });

  test("rule 4: an open transaction delays nobody else", async () => {
    await putAccount(db, "held");
    await putAccount(db, "free");
    const gate = new GateDouble(feed);
    await gate.follow();
    const open = await db.startTransaction().execute();
    await putConnection(open, "held", [1]);
    for (const id of [1, 2, 3]) {
      await change("free", [id]);
      expect(await gate.follow()).toEqual([{ account: "free", version: id + 1, record: `enabled\t${id}` }]);
    }
    await open.rollback().execute();
    expect(await gate.follow()).toEqual([]);
  });

  test("rule 5: a cursor is durable when it is sent, in a transaction not below its snapshot", async () => {
    await putAccount(db, "alpha");
    const gate = new GateDouble(feed);
    await gate.follow();
    const { rows } = await sql<{ ok: boolean; sync: string }>`
      select xmin::text::bigint >= (pg_snapshot_xmax(sweep)::text::bigint & 4294967295) as ok,
        current_setting('synchronous_commit') as sync from cursors where cursor = ${gate.cursor}`.execute(db);
    expect(rows).toEqual([{ ok: true, sync: "on" }]);
  });

  test.each([
    ["never handed out", "0123456789abcdef0123456789abcdef"],
    ["of another form", "anything!"],
  ])("rule 6: a cursor %s means start over, the old table may serve", async (_, cursor) => {
    const gate = new GateDouble(feed);
    await gate.follow();
    const response = await gate.ask({ cursor });
    expect(response.status).toBe(410);
    const body = await response.text();
    expect(body).toBe("!start-over\tkeep\n");
    expect(readStartOver(body)).toBe(START_OVER_KEEP);
  });

  test("rule 6: another gate's cursor means start over, and acknowledges nothing", async () => {
    const first = new GateDouble(feed);
    await first.follow();
    const twin = new GateDouble(feed);
    expect((await twin.ask({ cursor: first.cursor })).status).toBe(410);
    expect(await gateRow(db, twin.incarnation)).toMatchObject({ state: "live", acknowledged: null });
  });

  test("rule 6: an older cursor is forgotten once a newer one was shown; the same one may be shown again and again", async () => {
    const gate = new GateDouble(feed);
    await gate.follow();
    const old = gate.cursor;
    const lost = [];
    for (let n = 0; n < 20; n++) lost.push(await (await gate.ask()).text()); // answers that never arrive
    const { rows } = await sql<{ n: number }>`select count(*) as n from cursors`.execute(db);
    expect(rows[0]?.n, "what lost answers leave behind is bounded").toBeLessThan(12);
    await gate.follow();
    await gate.follow();
    expect((await gate.ask({ cursor: old })).status).toBe(410);
    expect((await gate.ask()).status).toBe(200);
  });
});
