import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Line, ReporterDouble } from "../counts/kit.ts";
import { accountPath, connectionPath, decisionBody, expectStatus, proxyBody, proxyPath } from "../support/documents.ts";
import type { TestGate } from "../support/gate.ts";
import { until } from "../support/until.ts";
import type { Person } from "./support/entra.ts";
import { newPerson, READER, World } from "./support/world.ts";

let world: World;
let gate: TestGate;
let reporter: ReporterDouble;
const reader = newPerson("Reader");
const stranger = newPerson("Stranger");

beforeAll(async () => {
  world = await World.start();
  gate = world.api.gate();
  await gate.sweep();
  reporter = new ReporterDouble(() => world.api.urls.feedUrl, {
    ...world.api.gateAccess,
    incarnation: gate.incarnation,
  });
  for (const [account, link] of [
    ["mine", 101],
    ["rival", 4040404202],
  ] as const) {
    await world.request(account);
    expectStatus(await world.api.nrp.put(proxyPath(account, "PE-one.g"), proxyBody("PE-one.g", "manual", [link])), 201);
  }
  await sql`update accounts set created_at = now() - interval '1 day'`.execute(world.database.db);
  world.azure.assign(reader.oid, accountPath("mine"), READER);
});
afterAll(() => world.stop());

/** Reports of the one gate, from a clean slate. */
async function tell(...batches: (readonly Line[])[]): Promise<void> {
  await sql`truncate counts, connection_traffic`.execute(world.database.db);
  for (const lines of batches) expect(await reporter.tell(lines)).toBe(204);
}

const MINE: readonly Line[] = [
  { account: "mine", reason: "private-link-not-enabled", link: 101, requests: 3, bytes: 300 },
  { account: "mine", reason: "link-id-mismatch", link: 4040404202, requests: 2, bytes: 200 },
  { account: "mine", reason: "link-id-mismatch", link: 4040404999, requests: 5, bytes: 500 },
  { account: "mine", reason: "public-access-disabled", requests: 1, bytes: 100 },
  { account: "mine", reason: "public", requests: 7, bytes: 7000 },
  { account: "mine", reason: "health-check", requests: 2, bytes: 20 },
];
const OTHERS: readonly Line[] = [
  { account: "rival", reason: "link-id-mismatch", link: 101, requests: 40 },
  { account: "rival", reason: "public", requests: 50 },
  { account: "nobody", reason: "unknown-account", link: 101, requests: 60, bytes: 6 },
  { reason: "uncounted", requests: 70, bytes: 7 },
];
const MINUTE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z$/;

const engineer = { ...newPerson("Engineer"), roles: ["PlatformEngineer"] };
const see = async (path: string, person: Person) => {
  const answer = await world.get(path, person);
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
};

describe("denials", () => {
  test("say which connection they came through, and of others' nothing but that", async () => {
    await tell(MINE, OTHERS);
    const report = await see("denials", reader);
    expect(report).toMatchObject({ step: "minute", requests: 11, omitted: 0, from: expect.stringMatching(MINUTE) });
    const common = { account: "mine", lastAt: expect.stringMatching(MINUTE) };
    expect(report.value).toEqual([
      { ...common, reason: "link-id-mismatch", origin: { kind: "other" }, requests: 7 },
      {
        ...common,
        reason: "private-link-not-enabled",
        origin: { kind: "connection", connection: "PE-one.g", state: "Pending" },
        requests: 3,
      },
      { ...common, reason: "public-access-disabled", origin: { kind: "public" }, requests: 1 },
    ]);
    const sums = new Map<string, number>();
    for (const { reason, requests } of report.series) sums.set(reason, (sums.get(reason) ?? 0) + requests);
    expect(Object.fromEntries(sums)).toEqual({
      "link-id-mismatch": 7,
      "private-link-not-enabled": 3,
      "public-access-disabled": 1,
    });
  });

  test("are told by the hour too, within the times that are asked for, and filtered", async () => {
    await tell(MINE);
    expect((await see("denials?step=hour", reader)).requests).toBe(11);
    const [from, to] = [new Date(Date.now() + 60_000), new Date(Date.now() + 120_000)].map(time => time.toISOString());
    expect((await see(`denials?from=${from}&to=${to}`, reader)).value).toEqual([]);
    const requests = async (query: string) => (await see(`denials?${query}`, reader)).requests;
    expect(await requests("account=MINE")).toBe(11);
    expect(await requests("account=rival")).toBe(0);
    expect(await requests("reason=link-id-mismatch")).toBe(7);
    expect(await requests("connection=pe-ONE.g")).toBe(3);
    expect(await requests("reason=public"), "an admitted one is no denial").toBe(0);
    expect(await see("denials?limit=1", reader)).toMatchObject({ requests: 11, omitted: 2, value: [{ requests: 7 }] });
    for (const query of ["step=day", "from=yesterday", "from=2026-02-30T00:00:00Z", "limit=0", "limit=1001"]) {
      expect((await world.get(`denials?${query}`, reader)).status, query).toBe(400);
    }
  });

  test("through a connection that was removed are told of as its, until its link is another account's", async () => {
    const name = "pe-gone.g";
    expectStatus(await world.api.nrp.put(proxyPath("mine", name), proxyBody(name, "manual", [4040404303])), 201);
    expectStatus(await world.api.nrp.delete(proxyPath("mine", name)), 202);
    await until("it is gone", async () => {
      await gate.catchUp();
      return (await world.api.customer.get(connectionPath("mine", name))).status === 404;
    });
    const denied = [{ account: "mine", reason: "link-id-mismatch", link: 4040404303 }];
    await tell(denied);
    expect((await see("denials", reader)).value).toMatchObject([{ origin: { kind: "connection", connection: name } }]);
    expect((await see("denials", reader)).value[0].origin).not.toHaveProperty("state");
    expectStatus(
      await world.api.nrp.put(proxyPath("rival", "pe-new.g"), proxyBody("pe-new.g", "manual", [4040404303])),
      201,
    );
    await tell(denied);
    expect((await see("denials", reader)).value).toMatchObject([{ origin: { kind: "other" } }]);
  });
});

describe("traffic", () => {
  test("is requests and bytes, let in and turned away, by time and account", async () => {
    await tell(MINE, OTHERS);
    const sums = { requests: 20, admitted: 9, denied: 11, bytes: 8120 };
    const report = await see("traffic", reader);
    expect(report).toMatchObject({ step: "minute", total: sums, omitted: 0, value: [{ account: "mine", ...sums }] });
    const points: { requests: number; bytes: number }[] = report.series;
    expect(points.reduce((sum, point) => sum + point.requests, 0)).toBe(20);
    expect(points.reduce((sum, point) => sum + point.bytes, 0)).toBe(8120);
    expect(await see("traffic?account=rival", reader)).toMatchObject({ total: { requests: 0 }, value: [] });
  });

  test("is shown with accounts, connections and gates", async () => {
    expect(await see("accounts/rival", await readerOf("rival"))).toMatchObject({ lastDay: { requests: 90 } });
    await tell(MINE, [{ account: "mine", reason: "private-link", link: 101 }]);
    const lastDay = { requests: 21, admitted: 10, denied: 11, bytes: 8130 };
    expect(await see("accounts/mine", reader)).toMatchObject({ lastDay });
    expect((await see("accounts", reader)).value).toMatchObject([{ account: "mine", lastDay }]);
    const seen = { lastTrafficAt: expect.stringMatching(MINUTE), lastDeniedAt: expect.stringMatching(MINUTE) };
    expect(await see("accounts/mine/connections/PE-one.g", reader)).toMatchObject(seen);
    expect((await see("connections", reader)).value).toMatchObject([seen]);
    await tell([]);
    expect(await see("accounts/mine/connections/PE-one.g", reader)).toMatchObject({
      lastTrafficAt: null,
      lastDeniedAt: null,
    });
    const told = { version: "linkgate-test/1.0", reportedAt: expect.stringMatching(/^\d{4}-/) };
    expect((await see("gates", reader)).value).toMatchObject([told]);
    const silent = new ReporterDouble(() => world.api.urls.feedUrl, {
      ...world.api.gateAccess,
      incarnation: randomBytes(16).toString("hex"),
    });
    await silent.tell([]);
    expect((await see("gates", reader)).value, "one that has never polled is no gate").toHaveLength(1);
  });

  async function readerOf(account: string): Promise<Person> {
    await tell(OTHERS);
    const person = newPerson(`Reader of ${account}`);
    world.azure.assign(person.oid, accountPath(account), READER);
    return person;
  }
});

describe("who sees it", () => {
  test("nobody but who may read the account; what is no account's, platform engineers alone", async () => {
    await tell(MINE, OTHERS);
    for (const path of ["denials", "traffic", "denials?account=mine", "traffic?account=mine"]) {
      const report = await see(path, stranger);
      expect(report, path).toMatchObject({ series: [], value: [] });
    }
    const application = await world.entra.application(["PlatformEngineer"]);
    for (const body of [await see("denials", engineer), (await world.call("GET", "denials", application)).body]) {
      expect(body).toMatchObject({
        requests: 60,
        value: [{ account: null, reason: "unknown-account", origin: { kind: "other" }, requests: 60 }],
      });
    }
    expect(await see("traffic", engineer)).toMatchObject({
      total: { requests: 130, admitted: 0, denied: 60, bytes: 13 },
      value: [{ account: null, requests: 130 }],
    });
    expect(await see("traffic?account=mine", engineer)).toMatchObject({ value: [] });
  });

  test("no name, link id or address of another tenant is in any answer", async () => {
    await tell(MINE, OTHERS);
    for (const path of ["denials", "traffic", "denials?step=hour", "connections", "accounts"]) {
      const { text } = await world.get(path, reader);
      expect(text, path).not.toMatch(/rival|4040404|nobody/);
    }
  });

  test("not who reads the name's next account: that has other counts", async () => {
    await world.request("passed");
    await sql`update accounts set created_at = now() - interval '1 hour'`.execute(world.database.db);
    await tell([{ account: "passed", reason: "public", requests: 9 }]);
    expectStatus(await world.api.customer.delete(accountPath("passed")), 202);
    await until("the name is free", async () => {
      await gate.catchUp();
      return (await world.api.customer.get(accountPath("passed"))).status === 404;
    });
    await world.request("passed");
    const heir = newPerson("Heir");
    world.azure.assign(heir.oid, accountPath("passed"), READER);
    expect(await see("traffic?step=hour", heir)).toMatchObject({ total: { requests: 0 }, value: [] });
    expect(await see("accounts/passed", heir)).toMatchObject({ lastDay: { requests: 0 } });
  });
});

describe("the stream of changes", () => {
  test("tells of new counts, once a second at most, to who may read the account", async () => {
    const [own, foreign, platform] = [await follow(reader), await follow(stranger), await follow(engineer)];
    await until("all are listening", async () =>
      [own, foreign, platform].every(({ events }) => events.includes("ready")),
    );
    // What the tests before have told of may still be on its way.
    const begin = performance.now();
    const before = own.counted().length;
    await tell(MINE);
    await until("it was told", async () => own.counted().length > before);
    for (let batch = 0; batch < 20; batch++) await reporter.tell([...MINE, ...OTHERS]);
    await until("it was told again", async () => own.counted().length >= before + 2);
    const seconds = (performance.now() - begin) / 1000;
    expect(own.counted().length - before, "20 batches in these seconds").toBeLessThanOrEqual(seconds + 2);
    expect(new Set(own.counted())).toEqual(new Set(['counted {"accounts":["mine"]}']));
    await until("the engineer was told", async () => platform.counted().length > 0);
    expect(new Set(platform.counted())).toEqual(new Set(['counted {"accounts":[]}']));
    expect(foreign.counted()).toEqual([]);
    for (const { stop } of [own, foreign, platform]) stop();
  });

  async function follow(person: Person) {
    const { body } = await request(`${world.api.urls.adminUrl}/admin/v1/changes`, {
      dispatcher: world.agent,
      headers: { authorization: `Bearer ${await world.entra.person(person)}` },
    });
    let text = "";
    body.setEncoding("utf8").on("data", chunk => {
      text += chunk;
    });
    body.on("error", () => {});
    // What stands behind the last blank line has not come to its end.
    const blocks = () =>
      text
        .split("\n\n")
        .slice(0, -1)
        .map(block => block.replace(/^event: (\w+)\ndata: /, "$1 "));
    return {
      get events() {
        return blocks().map(block => block.split(" ")[0]);
      },
      counted: () => blocks().filter(block => block.startsWith("counted")),
      stop: () => void body.destroy(),
    };
  }
});

test("a connection that is approved keeps what it was denied before", async () => {
  await tell(MINE);
  const path = connectionPath("mine", "PE-one.g");
  expectStatus(await world.api.nrp.put(path, decisionBody("Approved")), 200);
  expect((await see("denials?connection=PE-one.g", reader)).value).toMatchObject([
    { origin: { kind: "connection", connection: "PE-one.g", state: "Approved" }, requests: 3 },
  ]);
});
