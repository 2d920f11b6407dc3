import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { finishers } from "../../src/connections/finish.ts";
import { claimLinks, releaseLinks } from "../../src/connections/repository.ts";
import { takeReports } from "../../src/counts/intake.ts";
import type { OperationRow } from "../../src/operations/service.ts";
import { addConnection, GateDouble, insertAccount, openFeed, startFeed, tokenOf } from "../feed/kit.ts";
import { execute } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { listCounts, ReporterDouble, writeLines } from "./kit.ts";

const feed = await openFeed();
const { db } = feed.database;

/** An account that has been there for an hour, with a connection named `pe` for each list of link ids. */
async function putAccount(account: string, ...links: (readonly number[])[]): Promise<void> {
  await db.transaction().execute(async tx => {
    await insertAccount(tx, account);
    await tx.updateTable("accounts").set({ created_at: sql`now() - interval '1 hour'` }).execute();
    for (const [index, ids] of links.entries()) {
      await addConnection(tx, account, `pe${index}`, ids, "Pending");
      await claimLinks(tx, account, `pe${index}`, ids);
    }
  });
}

/** What the worker does when an operation on it has ended. */
const finish = (kind: "connection-delete" | "account-delete", account: string, nameKey: string | null) =>
  db.transaction().execute(tx => finishers[kind](tx, { id: "1", account, name_key: nameKey } as OperationRow));

describe("what is counted", () => {
  test("by minute and by hour, for the account, the reason and where it came from", async () => {
    await putAccount("acme", [11, 12], [13]);
    await putAccount("rival", [21]);
    const gate = new ReporterDouble(feed.url);
    const lines = [
      { account: "acme", reason: "private-link", link: 11, requests: 5, bytes: 500 },
      { account: "acme", reason: "private-link", link: 12, requests: 2, bytes: 30 },
      { account: "acme", reason: "link-id-mismatch", link: 13 },
      { account: "acme", reason: "link-id-mismatch", link: 21 },
      { account: "acme", reason: "link-id-mismatch", link: 99 },
      { account: "acme", reason: "public", requests: 4 },
      { account: "nobody", reason: "unknown-account", link: 11 },
      { reason: "unknown-host" },
    ];
    expect(await gate.tell(lines)).toBe(204);
    expect(await gate.tell([{ account: "acme", reason: "private-link", link: 11, requests: 1, bytes: 1 }])).toBe(204);
    const counted = [
      "- unknown-account other 1 10",
      "- unknown-host public 1 10",
      "acme link-id-mismatch connection:pe1 1 10",
      "acme link-id-mismatch other 2 20",
      "acme private-link connection:pe0 8 531",
      "acme public public 4 10",
    ];
    expect(await listCounts(db)).toEqual(counted);
    expect(await listCounts(db, "hour")).toEqual(counted);
  });

  test("whatever names and ids attackers choose, in the same few rows", async () => {
    await putAccount("acme", [11]);
    const gate = new ReporterDouble(feed.url);
    for (let round = 0; round < 3; round++) {
      const made = Array.from({ length: 500 }, (_, index) => round * 500 + index);
      const lines = made.flatMap(index => [
        { account: `made-up-${index}`, reason: "unknown-account", link: 5000 + index },
        { account: "acme", reason: "link-id-mismatch", link: 5000 + index },
      ]);
      expect(await gate.tell(lines)).toBe(204);
    }
    expect(await listCounts(db)).toEqual([
      "- unknown-account other 1500 15000",
      "acme link-id-mismatch other 1500 15000",
    ]);
    expect(await db.selectFrom("connection_traffic").selectAll().execute()).toEqual([]);
  });

  test("and no sum grows beyond what a number holds", async () => {
    await putAccount("acme");
    const lines = [{ account: "acme", reason: "public", linkId: undefined, requests: 10 ** 12, bytes: 10 ** 15 }];
    const report = { gate: "g", reporter: "0", incarnation: "0".repeat(32), age: 0, version: "" };
    for (let sequence = 1; sequence <= 12; sequence++) await takeReports(db, [{ ...report, sequence, lines }]);
    expect(await listCounts(db, "hour")).toEqual([`acme public public ${12 * 10 ** 12} ${Number.MAX_SAFE_INTEGER}`]);
  });

  test("when a connection was last let in and last turned away, to the minute", async () => {
    await putAccount("acme", [11]);
    const gate = new ReporterDouble(feed.url);
    const { rows: begin } = await sql<{ at: Date }>`select now() as at`.execute(db);
    await gate.tell([{ account: "acme", reason: "private-link", link: 11 }], { age: 600 });
    await gate.tell([{ account: "acme", reason: "link-id-mismatch", link: 11 }]);
    await gate.tell([{ account: "acme", reason: "private-link", link: 11 }], { age: 1200 });
    const { rows } = await sql`
      select last_admitted between date_trunc('minute', begin - interval '600 seconds') and now() - interval '600 seconds' as admitted,
        last_denied between date_trunc('minute', begin) and now() as denied,
        date_trunc('minute', last_admitted) = last_admitted and date_trunc('minute', last_denied) = last_denied as whole
      from connection_traffic, (select ${begin[0]?.at}::timestamptz as begin) as test where name_key = 'pe0'`.execute(
      db,
    );
    expect(rows).toEqual([{ admitted: true, denied: true, whole: true }]);
  });

  test("at the time that it happened, and not at all when that is past keeping", async () => {
    await putAccount("acme");
    await sql`update accounts set created_at = now() - interval '1 year'`.execute(db);
    const gate = new ReporterDouble(feed.url);
    const day = 86_400;
    for (const [requests, age] of [
      [1, 0],
      [2, 2 * day],
      [4, 91 * day],
    ] as const) {
      expect(await gate.tell([{ account: "acme", requests }], { age })).toBe(204);
    }
    expect(await listCounts(db, "minute")).toEqual(["acme public public 1 10"]);
    expect(await listCounts(db, "hour")).toEqual(["acme public public 3 20"]);
  });
});

describe("whose a link is", () => {
  const ask = async (link: number) => {
    const gate = new ReporterDouble(feed.url);
    await db.deleteFrom("counts").execute();
    await gate.tell([{ account: "acme", reason: "link-id-mismatch", link }]);
    return (await listCounts(db))[0]?.split(" ")[2];
  };

  test("its connection's, in any state, also after it was removed; nobody's after ninety days", async () => {
    await putAccount("acme", [11], [12]);
    expect(await ask(11)).toBe("connection:pe0");
    await finish("connection-delete", "acme", "pe0");
    expect(await ask(11)).toBe("connection:pe0");
    await sql`update past_links set freed_at = now() - interval '91 days'`.execute(db);
    expect(await ask(11)).toBe("other");
  });

  test("another account's as soon as that one has it, and never told whose", async () => {
    await putAccount("acme", [11]);
    await finish("connection-delete", "acme", "pe0");
    await putAccount("rival", [11]);
    expect(await ask(11)).toBe("other");
    await db.transaction().execute(tx => releaseLinks(tx, "rival", "pe0"));
    expect(await ask(11), "the last one that is known to have had it").toBe("connection:pe0");
  });

  test("the new connection's where an account gets the same link again", async () => {
    await putAccount("acme", [11]);
    await finish("connection-delete", "acme", "pe0");
    await db.transaction().execute(async tx => {
      await addConnection(tx, "acme", "again", [11], "Pending");
      await claimLinks(tx, "acme", "again", [11]);
    });
    expect(await ask(11)).toBe("connection:again");
  });
});

describe("an account that goes", () => {
  test("takes what was counted of it along; who has its name next sees nothing of it", async () => {
    await putAccount("acme", [11]);
    const gate = new ReporterDouble(feed.url);
    await gate.tell([{ account: "acme", reason: "private-link", link: 11 }, { account: "acme" }]);
    await finish("account-delete", "acme", null);
    for (const table of ["counts", "connection_traffic", "past_links"] as const) {
      expect(await db.selectFrom(table).selectAll().execute(), table).toEqual([]);
    }
    await putAccount("acme");
    expect(await listCounts(db)).toEqual([]);
  });

  test("leaves counts to nobody which began before the next account of its name did", async () => {
    await putAccount("acme");
    const report = { gate: "g", reporter: "0", incarnation: "0".repeat(32), version: "" };
    const line = { account: "acme", reason: "public", linkId: undefined, bytes: 10 };
    // In one transaction, within which no time passes.
    await db.transaction().execute(async tx => {
      await sql`update accounts set created_at = now() - interval '60 seconds'`.execute(tx);
      for (const [index, age] of [61, 58, 57].entries()) {
        await takeReports(tx, [{ ...report, sequence: index + 1, age, lines: [{ ...line, requests: 2 ** index }] }]);
      }
    });
    expect(await listCounts(db)).toEqual(["- public public 3 20", "acme public public 4 10"]);
  });

  test("while a report is on its way: what that counts is nobody's", async () => {
    await putAccount("acme");
    const gate = new ReporterDouble(feed.url);
    // The report has read the account when it waits for the row that it must add to.
    await gate.tell([{ account: "acme" }]);
    const { told } = await db.transaction().execute(async tx => {
      await tx.selectFrom("counts").selectAll().forUpdate().execute();
      const told = gate.tell([{ account: "acme" }]);
      await until("some statement waits for a lock", async () => {
        const { rows } = await sql`select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
        return rows.length > 0;
      });
      await sql`delete from counts`.execute(tx);
      await sql`delete from accounts`.execute(tx);
      return { told };
    });
    expect(await told).toBe(204);
    await putAccount("acme");
    expect(await listCounts(db)).toEqual(["gone public public 1 10"]);
  });
});

describe("each batch counts once", () => {
  test("however often and in whatever order it comes", async () => {
    await putAccount("acme");
    const gate = new ReporterDouble(feed.url);
    const body = writeLines([{ account: "acme" }]);
    for (const sequence of [1, 1, 2, 1, 2, 5, 3, 5]) expect((await gate.send(body, { sequence })).status).toBe(204);
    expect(await listCounts(db)).toEqual(["acme public public 3 30"]);
    for (const reporter of ["1", "ffffffffffffffff"]) {
      expect((await gate.send(body, { sequence: 1, reporter })).status).toBe(204);
    }
    expect(await listCounts(db), "reporters count each for itself").toEqual(["acme public public 5 50"]);
  });

  test("also when it is sent many times at once, to two replicas", async () => {
    await putAccount("acme");
    const other = await startFeed(feed.databaseUrl);
    try {
      const here = new ReporterDouble(feed.url);
      const there = new ReporterDouble(other.url, { incarnation: here.incarnation });
      const body = writeLines([{ account: "acme" }]);
      const answers = Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? here : there).send(body, { sequence: 7 }),
      );
      expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([204]));
    } finally {
      await other.close();
    }
    expect(await listCounts(db)).toEqual(["acme public public 1 10"]);
  });

  test("and none of many gates' is lost", async () => {
    await putAccount("acme", [11]);
    await putAccount("busy", [12]);
    const gates = Array.from({ length: 30 }, () => new ReporterDouble(feed.url));
    const lines = [
      { account: "busy", reason: "private-link", link: 12 },
      { account: "acme", reason: "private-link", link: 11 },
    ];
    for (let round = 0; round < 5; round++) {
      const statuses = await Promise.all(gates.map(gate => gate.tell(round % 2 === 0 ? lines : lines.toReversed())));
      expect(new Set(statuses)).toEqual(new Set([204]));
    }
    expect(await listCounts(db)).toEqual([
      "acme private-link connection:pe0 150 1500",
      "busy private-link connection:pe0 150 1500",
    ]);
  });

  test("more lines at one time than one statement takes", async () => {
    const lines = Array.from({ length: 1000 }, (_, index) => ({ account: `a${index}` }));
    const gates = Array.from({ length: 12 }, () => new ReporterDouble(feed.url));
    expect(await Promise.all(gates.map(gate => gate.tell(lines)))).toEqual(gates.map(() => 204));
    expect(await listCounts(db)).toEqual(["- public public 12000 120000"]);
  });
});

describe("who may report, and what", () => {
  test("401 without a token, 403 with another gate's, and for another gate's incarnation", async () => {
    await putAccount("acme");
    const body = writeLines([{ account: "acme" }]);
    const gate = new ReporterDouble(feed.url, { name: "ams-1" });
    expect((await gate.send(body, { sequence: 1 }, { authorization: "Bearer nobody" })).status).toBe(401);
    expect((await gate.send(body, { sequence: 1, gate: "ams-2" })).status).toBe(403);
    expect((await gate.send(body, { sequence: 1 }, { authorization: `Bearer ${tokenOf("ams-2")}` })).status).toBe(403);
    const polling = new GateDouble(feed, "ams-2");
    await polling.poll();
    expect((await gate.send(body, { sequence: 1, incarnation: polling.incarnation })).status).toBe(403);
    expect(await gate.tell([])).toBe(204);
    const thief = new ReporterDouble(feed.url, { name: "ams-2", incarnation: gate.incarnation });
    expect((await thief.send(body, { sequence: 9 })).status).toBe(403);
    expect((await thief.send(body, { sequence: 9, reporter: "abc" })).status, "another place in it").toBe(403);
    expect(await listCounts(db)).toEqual([]);
    const own = await db.selectFrom("reporters").select(["gate", "sequence"]).execute();
    expect(own).toEqual([{ gate: "ams-1", sequence: 1 }]);
  });

  test("a stranger's report does not keep others from being taken with it", async () => {
    await putAccount("acme");
    const polling = new GateDouble(feed, "ams-2");
    await polling.poll();
    const good = Array.from({ length: 5 }, () => new ReporterDouble(feed.url));
    const bad = new ReporterDouble(feed.url, { name: "ams-1", incarnation: polling.incarnation });
    const statuses = await Promise.all([bad, ...good].map(gate => gate.tell([{ account: "acme" }])));
    expect(statuses).toEqual([403, ...good.map(() => 204)]);
    expect(await listCounts(db)).toEqual(["acme public public 5 50"]);
  });

  test.each([
    ["gate", "ams-1/x"],
    ["incarnation", "0123"],
    ["incarnation", "AB".repeat(16)],
    ["reporter", ""],
    ["reporter", "g"],
    ["reporter", "0".repeat(17)],
    ["sequence", 0],
    ["sequence", "1.5"],
    ["sequence", "9007199254740993"],
    ["age", -1],
    ["age", "soon"],
    ["age", "1e99"],
  ])("400 for %s %s", async (name, value) => {
    const gate = new ReporterDouble(feed.url);
    const status = (await gate.send("", { sequence: 1, [name]: value })).status;
    expect([400, 403]).toContain(status);
    expect(await db.selectFrom("reporters").selectAll().execute()).toEqual([]);
  });

  test("400, 413 and 415 for bodies: nothing of them counts, and the sequence is free still", async () => {
    await putAccount("acme");
    const gate = new ReporterDouble(feed.url);
    const good = writeLines([{ account: "acme" }]);
    const status = async (body: string | Uint8Array, headers: Record<string, string> = {}) =>
      (await gate.send(body, { sequence: 1 }, headers)).status;
    expect(await status(`${good}rubbish\n`)).toBe(400);
    expect(await status(new Uint8Array([0xff, 0xfe, 0x0a]))).toBe(400);
    expect(await status(`${"x".repeat(128 * 1024)}\n`)).toBe(413);
    const many = Array.from({ length: 1001 }, (_, index) => ({ account: `a${index}` }));
    expect(await status(writeLines(many))).toBe(413);
    expect(await status(JSON.stringify(good), { "content-type": "application/json" })).toBe(415);
    expect(await listCounts(db)).toEqual([]);
    expect(await status(good)).toBe(204);
    expect(await listCounts(db)).toEqual(["acme public public 1 10"]);
  });

  test("what a gate calls itself is kept, printable and short", async () => {
    const gate = new ReporterDouble(feed.url);
    const version = async () => (await db.selectFrom("reporters").select("version").execute())[0]?.version;
    await gate.send("", { sequence: 1 }, { "user-agent": "linkgate-nginx/0.1.0 nginx/1.30.0 njs/1.0.2" });
    expect(await version()).toBe("linkgate-nginx/0.1.0 nginx/1.30.0 njs/1.0.2");
    await gate.send("", { sequence: 2 }, { "user-agent": `a\u00e9\t${"b".repeat(200)}` });
    expect(await version()).toBe(`a${"b".repeat(119)}`);
  });
});

describe("reports beside polls", () => {
  test("a report that waits for a lock holds up no poll, and is taken when the lock is gone", async () => {
    await putAccount("acme");
    const gate = new ReporterDouble(feed.url);
    await gate.tell([{ account: "acme" }]);
    const { told } = await db.transaction().execute(async tx => {
      await tx.selectFrom("counts").selectAll().forUpdate().execute();
      // One that waits for longer than a statement may is refused, and sent again, as gates do.
      const told = Promise.all(
        Array.from({ length: 50 }, async () => {
          const reporter = new ReporterDouble(feed.url);
          const send = () => reporter.send(writeLines([{ account: "acme" }]), { sequence: 1 });
          await until("it is taken", async () => (await send()).status === 204);
        }),
      );
      const polling = new GateDouble(feed);
      for (let poll = 0; poll < 20; poll++) await polling.poll();
      return { told };
    });
    await told;
    expect(await listCounts(db)).toEqual(["acme public public 51 510"]);
  });

  test("503 while the registry can't be written; the same batch counts once when it can", async () => {
    await putAccount("acme");
    const gate = new ReporterDouble(feed.url);
    const name = new URL(feed.databaseUrl).pathname.slice(1);
    await execute(feed.databaseUrl, `alter database ${name} set default_transaction_read_only = on`);
    await restartConnections();
    expect(await gate.tell([{ account: "acme" }])).toBe(503);
    await execute(
      feed.databaseUrl,
      `begin read write; alter database ${name} reset default_transaction_read_only; commit`,
    );
    await restartConnections();
    // The pool may try one of its dead connections first.
    await until("it is taken", async () => (await gate.send(writeLines([{ account: "acme" }]))).status === 204);
    expect(await listCounts(db)).toEqual(["acme public public 1 10"]);
  });

  /** So that the pool's connections begin anew, under the setting that holds now. */
  async function restartConnections(): Promise<void> {
    await execute(
      feed.databaseUrl,
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
  }
});
