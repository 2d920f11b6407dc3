import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { linkAddress } from "../testing/index.ts";
import { send, TestFeed } from "./support/feed.ts";
import { TestGate } from "./support/gate.ts";
import { askFrom, privateHost, publicHost, uniqueTarget } from "./support/requests.ts";
import { until } from "./support/until.ts";
import { TestUpstream } from "./support/upstream.ts";

const LINK = 822088585;
const SOURCE = linkAddress(LINK, "10.1.1.4");
const PUBLIC_SOURCE = "2001:db8::7";

let feed: TestFeed;
let gate: TestGate;
let upstream: TestUpstream;

/** The status of a request to contoso by its link. */
async function askByLink(account = "contoso"): Promise<number> {
  return (await askFrom(gate, SOURCE, { host: privateHost(account), target: uniqueTarget() })).status;
}

/** The statuses of many requests, each on its own connection, so that every worker answers some. */
async function askManyByLink(): Promise<Set<number>> {
  return new Set(await Promise.all(Array.from({ length: 24 }, () => askByLink())));
}

async function startGate(settings: Record<string, string> = {}): Promise<void> {
  feed = await TestFeed.start();
  feed.set("contoso", "enabled", [LINK]);
  gate = await TestGate.start(feed, { LINKGATE_WORKERS: "2", ...settings });
  upstream = new TestUpstream(`${gate.dir}/up`);
  await upstream.serve(["contoso", "fabrikam"]);
}

async function stopGate(): Promise<void> {
  feed.resume();
  await gate.stop();
  await upstream.stop();
  await feed.stop();
}

describe("a feed that behaves", () => {
  beforeAll(() => startGate());
  afterAll(stopGate);
  beforeEach(() => gate.explainFailure());

  test("a revocation that is acknowledged is in force for every worker", async () => {
    expect(await askManyByLink()).toEqual(new Set([200]));
    feed.set("contoso", "enabled", []);
    await feed.acknowledged();
    expect(await askManyByLink()).toEqual(new Set([403]));
    feed.set("contoso", "enabled", [LINK]);
    await feed.acknowledged();
    expect(await askManyByLink()).toEqual(new Set([200]));
  });

  test("an account that was removed and comes back is denied in between (rule 19)", async () => {
    feed.remove("contoso");
    await feed.acknowledged();
    expect(await askByLink()).toBe(403);
    feed.set("contoso", "enabled", [LINK]);
    await feed.acknowledged();
    expect(await askByLink()).toBe(200);
  });

  test("a poll says who asks, and what the registry must know (rules 10 and 16)", async () => {
    const { incarnation } = await gate.status();
    feed.wakeAll();
    const poll = await feed.polled();
    expect(incarnation).toMatch(/^[0-9a-f]{32}$/);
    expect(poll).toMatchObject({ gate: "test-gate", incarnation, maxAge: 3600, limit: 2000, isGoodbye: false });
    expect(poll.wait).toBeGreaterThan(0);
    expect(poll.wait).toBeLessThanOrEqual(30);
  });

  test("the token is read again for each poll", async () => {
    writeFileSync(join(gate.dir, "token"), "another\n");
    feed.wakeAll();
    await gate.whenStatus(page => page.lastFailure?.text.includes("401") === true);
    writeFileSync(join(gate.dir, "token"), `${feed.token}\n`);
    await feed.acknowledged();
  });

  test("an older version never overwrites a newer one (rule 19)", async () => {
    feed.misbehave = answerOnce((poll, answer) => {
      const page = feed.writePage(poll);
      send(answer, 200, `+contoso\t1\tdisabled\t17\n${page.slice(page.lastIndexOf("="))}`);
    });
    feed.wakeAll();
    await feed.acknowledged();
    expect(await askByLink()).toBe(200);
  });

  test("a sweep of several pages is acknowledged once, after its last (rule 13)", async () => {
    feed.pageLimit = 1;
    const from = feed.polls.length;
    feed.together(() => {
      feed.set("fabrikam", "enabled", [LINK]);
      feed.set("contoso", "disabled", [LINK]);
    });
    const whole = await feed.acknowledged();
    const cursors = feed.polls.slice(from).map(poll => poll.cursor);
    expect(cursors.indexOf(whole.cursor)).toBe(1); // one page, then the other, then the acknowledgement
    feed.pageLimit = 2000;
    expect(await askByLink("fabrikam")).toBe(200);
  });
});

describe("a feed that misbehaves", () => {
  beforeAll(() => startGate());
  afterAll(stopGate);
  beforeEach(() => gate.explainFailure());

  const REVOKED = "+contoso\t99\tenabled\t\n";
  test.for<[name: string, status: number, body: (end: string) => string]>([
    ["a page cut in the middle of a line", 200, () => "+contoso\t99\tena"],
    ["a page cut in its last line", 200, end => `${REVOKED}${end.slice(0, -3)}`],
    ["a page without its last line", 200, () => REVOKED],
    ["an empty page", 200, () => ""],
    ["an unknown first byte", 200, end => `${REVOKED}*fabrikam\t1\tenabled\t\n${end}`],
    ["a line after the last", 200, end => `${REVOKED}${end}+fabrikam\t1\tenabled\t\n`],
    ["a link id that is none", 200, end => `${REVOKED}+fabrikam\t1\tenabled\t0\n${end}`],
    ["an account that is none", 200, end => `${REVOKED}+Fabrikam\t1\tenabled\t1\n${end}`],
    ["bytes that are no ASCII", 200, end => `${REVOKED}+fabrik\u00e4m\t1\tenabled\t1\n${end}`],
    ["a page of another web server", 200, () => "<html><body>It works</body></html>\n"],
    ["500", 500, end => REVOKED + end],
    ["503", 503, end => REVOKED + end],
    ["a page as 204", 204, () => ""],
    ["403", 403, () => "{}"],
    ["a redirect", 302, end => REVOKED + end],
  ])("%s: nothing of it is applied, and the next answer is", async ([, status, body]) => {
    const { lastFailure, table } = await gate.status();
    feed.misbehave = answerOnce((poll, answer) => {
      const page = feed.writePage(poll);
      send(answer, status, body(page.slice(page.lastIndexOf("="))));
    });
    feed.wakeAll();
    await gate.whenStatus(page => (page.lastFailure?.count ?? 0) > (lastFailure?.count ?? 0));
    expect(await askByLink()).toBe(200);
    const after = (await gate.status()).table;
    expect(after.generation).toBe(table.generation);
    await feed.acknowledged();
  });

  test("a connection that is cut: the old table serves, and the next answer is taken", async () => {
    feed.misbehave = answerOnce((_, answer) => answer.destroy());
    feed.wakeAll();
    await gate.whenStatus(page => page.lastFailure !== null);
    expect(await askByLink()).toBe(200);
    await feed.acknowledged();
  });

  test("a feed that hangs is asked again, and its late answer is dropped (rule 17)", async () => {
    const hung: Parameters<NonNullable<TestFeed["misbehave"]>>[] = [];
    feed.misbehave = (poll, answer) => hung.push([poll, answer]);
    feed.wakeAll();
    await until(
      () => hung.length === 2,
      () => `asked ${hung.length} times`,
      20_000,
    );
    feed.misbehave = null;
    const [former, current] = hung;
    if (former === undefined || current === undefined) throw new Error("unreachable");
    const end = feed.writePage(former[0]);
    send(former[1], 200, `+contoso\t1000\tenabled\t\n${end.slice(end.lastIndexOf("="))}`);
    send(current[1], 500, "{}");
    await feed.acknowledged();
    expect(await askByLink()).toBe(200);
  });
});

describe("start over", () => {
  beforeAll(() => startGate());
  afterAll(stopGate);
  beforeEach(() => gate.explainFailure());

  test("keep: the old table serves until the new one is whole, and not a line of it before (rules 20 and 21)", async () => {
    const before = await gate.status();
    feed.pageLimit = 1;
    let pages = 0;
    feed.misbehave = (poll, answer) => {
      if (poll.cursor === "" || pages > 0) pages++;
      if (pages < 2) feed.answer(poll, answer);
      else feed.leave(answer); // the first page of the load comes, the second does not
    };
    feed.replaceAll([
      ["contoso", "enabled\t\t1"],
      ["fabrikam", `enabled\t${LINK}\t1`],
    ]);
    await until(
      () => pages === 2,
      () => `${pages} pages were asked for`,
    );
    expect((await gate.status()).table).toMatchObject({ generation: before.table.generation, cursor: "loading" });
    expect(await askByLink("contoso")).toBe(200);
    expect(await askByLink("fabrikam")).toBe(403);

    feed.resume();
    const after = await gate.whenStatus(page => page.table.generation > before.table.generation, 20_000);
    expect(after.incarnation).toBe(before.incarnation);
    expect(await askByLink("contoso")).toBe(403); // version 1 again, but of another generation
    expect(await askByLink("fabrikam")).toBe(200);
    feed.pageLimit = 2000;
  });

  test("drop: nobody is admitted from then on, and a new incarnation loads (rule 25)", async () => {
    const before = await gate.status();
    let isDropped = false;
    feed.misbehave = (poll, answer) => {
      if (poll.incarnation === before.incarnation) send(answer, 410, "!start-over\tdrop\n");
      else if (isDropped) feed.answer(poll, answer);
      else send(answer, 503, "{}");
    };
    feed.wakeAll();
    await gate.whenTable("none");
    expect(await askByLink("fabrikam")).toBe(503);
    expect(await gate.probe("/ready")).toBe(503);
    expect(await gate.probe("/live")).toBe(200);
    isDropped = true;
    const after = await gate.whenTable("current");
    expect(after.incarnation).not.toBe(before.incarnation);
    expect(after.incarnation).toMatch(/^[0-9a-f]{32}$/);
    expect(await askByLink("fabrikam")).toBe(200);
    expect(await gate.probe("/ready")).toBe(200);
  });
});

describe("workers that come and go", () => {
  beforeAll(() => startGate({ LINKGATE_DRAIN_TIMEOUT: "60" })); // no worker ends because its time is over
  afterAll(stopGate);
  beforeEach(() => gate.explainFailure());

  async function followerPid(): Promise<number> {
    const { follower } = await gate.whenStatus(page => page.follower !== null);
    return Number(follower?.process.split(".")[0]);
  }

  test("a follower that is killed is replaced; a revocation is in force on all workers; the incarnation stays", async () => {
    const before = await gate.status();
    const pid = await followerPid();
    process.kill(pid, "SIGKILL");
    feed.set("contoso", "enabled", []);
    await feed.acknowledged();
    expect(await askManyByLink()).toEqual(new Set([403]));
    expect(await followerPid()).not.toBe(pid);
    const after = await gate.status();
    expect(after.incarnation).toBe(before.incarnation);
    expect(after.table.generation).toBe(before.table.generation);
    feed.set("contoso", "enabled", [LINK]);
    await feed.acknowledged();
  });

  test("a follower that is stopped is replaced when its lease ends, and comes back as nobody", async () => {
    const pid = await followerPid();
    process.kill(pid, "SIGSTOP");
    try {
      feed.set("contoso", "disabled", [LINK]);
      await feed.acknowledged(15_000);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    expect(await askManyByLink()).toEqual(new Set([200]));
    expect(await followerPid()).not.toBe(pid);
  });

  test("a reload keeps table, incarnation and readiness; new workers follow", async () => {
    const before = await gate.status();
    const old = gate.workerPids;
    gate.signal("SIGHUP");
    await until(
      async () => {
        expect(await gate.probe("/ready")).toBe(200);
        expect(await askByLink()).toBe(200);
        feed.wakeAll(); // ends the poll that holds an old worker back
        return gate.workerPids.every(pid => !old.includes(pid));
      },
      () => `workers were ${old}, are ${gate.workerPids}`,
      20_000,
    );
    const after = await gate.status();
    expect(after.incarnation).toBe(before.incarnation);
    expect(after.table.generation).toBe(before.table.generation);
    feed.set("contoso", "enabled", []);
    await feed.acknowledged();
    expect(await askManyByLink()).toEqual(new Set([403]));
  });
});

describe("age", () => {
  beforeAll(() => startGate({ LINKGATE_MAX_TABLE_AGE: "2" }));
  afterAll(stopGate);
  beforeEach(() => gate.explainFailure());

  test("an expired table admits nobody by link, goes on for the public network, and recovers (rule 15)", async () => {
    expect(await askByLink()).toBe(200);
    feed.hang();
    await gate.whenTable("expired");
    expect(await askByLink()).toBe(503);
    expect((await askFrom(gate, PUBLIC_SOURCE, { host: publicHost("contoso") })).status).toBe(200);
    expect(await gate.probe("/ready")).toBe(200);
    await until(
      () => gate.errorLog.includes("the table has expired"),
      () => "no worker noticed it by the monotonic clock",
    );
    feed.resume();
    await gate.whenTable("current");
    expect(await askByLink()).toBe(200);
  });

  test("pages of a sweep that does not end do not refresh the age (rule 15)", async () => {
    feed.misbehave = (poll, answer) => send(answer, 200, `=${poll.cursor === "" ? "x" : poll.cursor}\tmore\n`);
    feed.wakeAll();
    await gate.whenTable("expired");
    feed.resume();
    feed.forgetCursors();
    await gate.whenTable("current");
  });
});

describe("a table that is full", () => {
  beforeAll(() => startGate({ LINKGATE_TABLE_SIZE: "64k" }));
  afterAll(stopGate);
  beforeEach(() => gate.explainFailure());

  test("the sweep fails without acknowledgement, and its revocations are in force all the same (rule 18)", async () => {
    await feed.acknowledged();
    const from = feed.polls.length;
    feed.together(() => {
      for (let number = 0; number < 1500; number++) feed.set(`a${number}`, "enabled", [number + 1, number + 2]);
      feed.set("contoso", "enabled", []);
    });
    const { lastFailure } = await gate.whenStatus(page => (page.lastFailure?.count ?? 0) >= 2);
    expect(lastFailure?.text).toMatch(/the table is full: 1\d\d\d accounts/);
    expect(await askByLink()).toBe(403);
    const cursors = new Set(feed.polls.slice(from).map(poll => poll.cursor));
    expect(cursors.size).toBe(1);
  });

  test("a load that does not fit leaves no table", async () => {
    feed.misbehave = (poll, answer) => {
      feed.misbehave = null;
      if (poll.cursor === "") feed.answer(poll, answer);
      else send(answer, 410, "!start-over\tdrop\n");
    };
    const { lastFailure } = await gate.status();
    await gate.whenStatus(page => (page.lastFailure?.count ?? 0) >= (lastFailure?.count ?? 0) + 3);
    expect((await gate.status()).table).toMatchObject({ state: "none", cursor: "none" });
    expect(await askByLink()).toBe(503);
  });
});

/** Answers one poll in another way, and behaves from then on. */
function answerOnce(answerer: NonNullable<TestFeed["misbehave"]>): NonNullable<TestFeed["misbehave"]> {
  return (poll, answer) => {
    feed.misbehave = null;
    answerer(poll, answer);
  };
}
