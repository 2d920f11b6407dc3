import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { linkAddress } from "../testing/index.ts";
import { send, type TestFeed } from "./support/feed.ts";
import type { TestGate } from "./support/gate.ts";
import { askFrom, privateHost, publicHost, uniqueTarget } from "./support/requests.ts";
import { until } from "./support/until.ts";
import { TestWorld } from "./support/world.ts";

const LINK = 822088585;
const SOURCE = linkAddress(LINK, "10.1.1.4");
const PUBLIC_SOURCE = "2001:db8::7";

let world: TestWorld;
let feed: TestFeed;
let gate: TestGate;

/** The status of a request to contoso by its link. */
async function askByLink(account = "contoso"): Promise<number> {
  return (await askFrom(gate, SOURCE, { host: privateHost(account), target: uniqueTarget() })).status;
}

/** The statuses of many requests, each on its own connection, so that every worker answers some. */
async function askManyByLink(): Promise<Set<number>> {
  return new Set(await Promise.all(Array.from({ length: 24 }, () => askByLink())));
}

/** Waits until requests by the link of contoso are answered so. */
async function untilAsked(status: number): Promise<void> {
  await until(
    async () => (await askByLink()) === status,
    () => `requests by link are never answered ${status}`,
  );
}

async function startWorld(settings: Record<string, string> = {}): Promise<void> {
  const more = { LINKGATE_WORKERS: "2", ...settings };
  world = await TestWorld.start(registry => registry.set("contoso", "enabled", [LINK]), more);
  ({ feed, gate } = world);
}

async function stopWorld(): Promise<void> {
  await world.stop();
}

describe("a feed that behaves", () => {
  beforeAll(() => startWorld());
  afterAll(stopWorld);
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
    const poll = await feed.polled(({ wait }) => wait > 0); // at the end of a worker's minute there is one that does not wait
    expect(incarnation).toMatch(/^[0-9a-f]{32}$/);
    expect(poll).toMatchObject({ gate: "test-gate", incarnation, maxAge: 3600, limit: 2000, isGoodbye: false });
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
    const cursors: string[] = [];
    const taken = feed.polled(poll => cursors.includes(poll.cursor));
    await misbehaveUntil(
      (poll, answer) => {
        const [end = "", cursor = ""] = /=(\S+)\tdone\n$/.exec(feed.writePage(poll)) ?? [];
        cursors.push(cursor);
        send(answer, 200, `+contoso\t1\tdisabled\t17\n${end}`);
      },
      () => taken,
    );
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
    const within = feed.polls.slice(from, feed.polls.indexOf(whole)).filter(poll => feed.isWithinSweep(poll));
    expect(new Set(within.map(poll => poll.cursor)).size).toBe(1); // one page, then the other, which it acknowledges
    feed.pageLimit = 2000;
    expect(await askByLink("fabrikam")).toBe(200);
  });
});

describe("a feed that misbehaves", () => {
  beforeAll(() => startWorld());
  afterAll(stopWorld);
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
    const { table } = await gate.status();
    const failures = await countFailures();
    await misbehaveUntil(
      (poll, answer) => {
        const page = feed.writePage(poll);
        send(answer, status, body(page.slice(page.lastIndexOf("="))));
      },
      () => untilFailed(failures + 1),
    );
    expect(await askByLink()).toBe(200);
    const after = (await gate.status()).table;
    expect(after.generation).toBe(table.generation);
    await feed.acknowledged();
  });

  test("a connection that is cut: the old table serves, and the next answer is taken", async () => {
    const failures = await countFailures();
    await misbehaveUntil(
      (_, answer) => answer.destroy(),
      () => untilFailed(failures + 1),
    );
    expect(await askByLink()).toBe(200);
    await feed.acknowledged();
  });

  test("a feed that hangs is asked again, and its late answer is dropped (rule 17)", async () => {
    const hung: Parameters<NonNullable<TestFeed["misbehave"]>>[] = [];
    feed.misbehave = (poll, answer) => hung.push([poll, answer]);
    feed.wakeAll();
    await until(
      () => hung.length >= 2,
      () => `asked ${hung.length} times`,
    );
    feed.misbehave = null;
    const [current, ...former] = hung.reverse();
    for (const [poll, answer] of former) {
      const end = feed.writePage(poll);
      send(answer, 200, `+contoso\t1000\tenabled\t\n${end.slice(end.lastIndexOf("="))}`);
    }
    current?.[1].destroy();
    await feed.acknowledged();
    expect(await askByLink()).toBe(200);
  });
});

describe("start over", () => {
  beforeAll(() => startWorld());
  afterAll(stopWorld);
  beforeEach(() => gate.explainFailure());

  test("keep: the old table serves until the new one is whole, and not a line of it before (rules 20 and 21)", async () => {
    const before = await gate.status();
    feed.pageLimit = 1;
    let isHeld = false;
    feed.misbehave = (poll, answer) => {
      // The first page of the load comes, the second does not.
      isHeld = feed.isWithinSweep(poll);
      if (isHeld) feed.leave(answer);
      else feed.answer(poll, answer);
    };
    feed.replaceAll([
      ["contoso", "enabled\t\t1"],
      ["fabrikam", `enabled\t${LINK}\t1`],
    ]);
    await until(
      () => isHeld,
      () => "no second page was asked for",
    );
    expect((await gate.status()).table).toMatchObject({ generation: before.table.generation, cursor: "loading" });
    expect(await askByLink("contoso")).toBe(200);
    expect(await askByLink("fabrikam")).toBe(403);

    feed.resume();
    const after = await gate.whenStatus(page => page.table.generation > before.table.generation);
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
  beforeAll(() => startWorld({ LINKGATE_DRAIN_TIMEOUT: "60" })); // no worker ends because its time is over
  afterAll(stopWorld);
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
      feed.set("contoso", "disabled", []);
      await feed.acknowledged();
      expect(await followerPid()).not.toBe(pid);
      feed.set("contoso", "disabled", [LINK]);
      await feed.acknowledged();
    } finally {
      process.kill(pid, "SIGCONT"); // the answer that waits for it says that contoso has no link
    }
    expect(await askManyByLink()).toEqual(new Set([200]));
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
  beforeAll(() => startWorld({ LINKGATE_MAX_TABLE_AGE: "2" }));
  afterAll(stopWorld);
  beforeEach(() => gate.explainFailure());

  test("an expired table admits nobody by link, goes on for the public network, and recovers (rule 15)", async () => {
    await untilAsked(200); // a machine that stands still may let it expire for a moment
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
    await untilAsked(200);
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
  beforeAll(() => startWorld({ LINKGATE_TABLE_SIZE: "64k" }));
  afterAll(stopWorld);
  beforeEach(() => gate.explainFailure());

  test("the sweep fails without acknowledgement, and its revocations are in force all the same (rule 18)", async () => {
    await feed.acknowledged();
    const from = feed.polls.length;
    feed.together(() => {
      for (let number = 0; number < 1500; number++) feed.set(`a${number}`, "enabled", [number + 1, number + 2]);
      feed.set("contoso", "enabled", []);
    });
    const isFull = /the table is full: 1\d\d\d accounts/;
    const { lastFailure } = await gate.whenStatus(page => isFull.test(page.lastFailure?.text ?? ""));
    await untilFailed((lastFailure?.count ?? 0) + 1);
    expect(await askByLink()).toBe(403);
    const cursors = new Set(feed.polls.slice(from).map(poll => poll.cursor));
    expect(cursors.size).toBe(1);
  });

  test("a load that does not fit leaves no table", async () => {
    const { incarnation } = await gate.status();
    await misbehaveUntil(
      (poll, answer) => {
        if (poll.incarnation === incarnation) send(answer, 410, "!start-over\tdrop\n");
        else feed.answer(poll, answer);
      },
      () => gate.whenTable("none"),
    );
    await untilFailed((await countFailures()) + 2); // two loads that did not fit, or one and the end of another
    expect((await gate.status()).lastFailure?.text).toContain("the table is full");
    expect((await gate.status()).table).toMatchObject({ state: "none", cursor: "none" });
    expect(await askByLink()).toBe(503);
  });
});

/**
 * Has the feed answer in another way until something has come of it. Not one poll alone: a worker that has stood still for longer
 * than its lease drops the answer that it gets.
 */
async function misbehaveUntil(
  answerer: NonNullable<TestFeed["misbehave"]>,
  hasCome: () => Promise<unknown>,
): Promise<void> {
  feed.misbehave = answerer;
  feed.wakeAll();
  await hasCome();
  feed.misbehave = null;
}

/** How often following the feed has failed. */
async function countFailures(): Promise<number> {
  return (await gate.status()).lastFailure?.count ?? 0;
}

async function untilFailed(times: number): Promise<void> {
  await gate.whenStatus(page => (page.lastFailure?.count ?? 0) >= times);
}
