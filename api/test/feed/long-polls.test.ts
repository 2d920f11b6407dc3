import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { until } from "../support/until.ts";
import { GateDouble, gateNames, openFeed, putAccount, putConnection, startFeed } from "./kit.ts";

const feed = await openFeed();
const { db } = feed.database;

const change = (account: string, ids: readonly number[]) =>
  db.transaction().execute(tx => putConnection(tx, account, ids));

describe("long polls", () => {
  test("an answer without news is held back, and comes when there is some", async () => {
    await putAccount(db, "alpha");
    const gate = new GateDouble(feed);
    await gate.follow();
    const answer = gate.poll({ wait: 30 });
    await until("the poll is held back", () => feed.held() === 1);
    await change("alpha", [3]);
    expect((await answer).lines).toEqual([{ account: "alpha", version: 2, record: "enabled\t3" }]);
  });

  test("it comes without news when the time is over, with a cursor that acknowledges more", async () => {
    const gate = new GateDouble(feed);
    await gate.follow();
    const { cursor } = gate;
    const page = await gate.poll({ wait: 0.05 });
    expect(page).toMatchObject({ lines: [], isDone: true });
    expect(page.cursor).not.toBe(cursor);
  });

  test("a first load and the pages of a sweep are never held back", async () => {
    const gate = new GateDouble(feed);
    expect(await gate.poll({ wait: 30 })).toMatchObject({ lines: [], isDone: true });
    expect(feed.held()).toBe(0);
  });

  test("nobody has to wake it up: a change without a NOTIFY is found all the same", async () => {
    await putAccount(db, "alpha");
    const gate = new GateDouble(feed);
    await gate.follow();
    const answer = gate.poll({ wait: 30 });
    await until("the poll is held back", () => feed.held() === 1);
    await sql`update feed set version = 2, link_ids = '{8}', writer = pg_current_xact_id() where account = 'alpha'`.execute(
      db,
    );
    expect((await answer).lines).toEqual([{ account: "alpha", version: 2, record: "enabled\t8" }]);
  });

  test("it goes on when the listening connection is lost, and listens again", async () => {
    await putAccount(db, "alpha");
    const gate = new GateDouble(feed);
    await gate.follow();
    const listeners = async () =>
      (
        await sql<{ pid: number }>`select pid from pg_stat_activity
          where datname = current_database() and query like 'listen %'`.execute(db)
      ).rows.map(row => row.pid);
    const answer = gate.poll({ wait: 30 });
    const [before] = await until("it listens", async () => {
      const pids = await listeners();
      return pids.length === 1 && pids;
    });
    await sql`select pg_terminate_backend(${before}::int)`.execute(db);
    await change("alpha", [4]);
    expect((await answer).lines).toHaveLength(1);
    // The old one may be there for a moment.
    await until("it listens again", async () => {
      const pids = await listeners();
      return pids.length === 1 && pids[0] !== before;
    });
  });

  test("a client that hangs up leaves nothing behind", async () => {
    await putAccount(db, "alpha");
    const gate = new GateDouble(feed);
    await gate.follow();
    await gate.follow();
    const stop = new AbortController();
    const answer = gate.ask({ wait: 30 }, stop.signal);
    await until("the poll is held back", () => feed.held() === 1);
    stop.abort();
    await expect(answer).rejects.toThrow();
    await until("it is no longer held", () => feed.held() === 0);
    await change("alpha", [1]);
    const other = new GateDouble(feed, gateNames[1]);
    await other.follow();
    const cursors = await db
      .selectFrom("cursors")
      .select("cursor")
      .where("incarnation", "=", gate.incarnation)
      .execute();
    expect(
      cursors.map(row => row.cursor),
      "nothing was handed out to it",
    ).toEqual([gate.cursor]);
    await until("no connection is lent out", () => feed.database.pool.idleCount === feed.database.pool.totalCount);
  });

  test("closing the listener answers the polls that are held back", async () => {
    const replica = await startFeed(feed.databaseUrl);
    const gate = new GateDouble(replica);
    await gate.follow();
    const answer = gate.poll({ wait: 30 });
    await until("the poll is held back", () => replica.held() === 1);
    await Promise.all([replica.close(), expect(answer).resolves.toMatchObject({ lines: [], isDone: true })]);
  });
});
