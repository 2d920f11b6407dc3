import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { MOST_KEYS } from "../src/counts.ts";
import { askStatus } from "../supervisor/status-client.ts";
import { linkAddress } from "../testing/index.ts";
import { addUpReports, type Counted } from "./support/counted.ts";
import type { TestFeed } from "./support/feed.ts";
import type { TestGate } from "./support/gate.ts";
import { askFrom, privateHost, publicHost, uniqueTarget } from "./support/requests.ts";
import { PATIENCE_MS, until } from "./support/until.ts";
import { TestWorld } from "./support/world.ts";

const LINK = 822088585;
const SOURCE = linkAddress(LINK, "10.1.1.4");
const PUBLIC_SOURCE = "2001:db8::7";
const ADMITTED = `contoso\tprivate-link\t${LINK}`;

let world: TestWorld;
let feed: TestFeed;
let gate: TestGate;
/** When the gate was started, by the wall clock in milliseconds. */
let started: number;

/** Sends a request, and returns its line of the access log. */
async function ask(source: string, host: string, more: object = {}) {
  const target = uniqueTarget();
  await askFrom(gate, source, { host, target, ...more });
  return gate.logOf(target);
}

async function askTimes(times: number): Promise<void> {
  for (let time = 0; time < times; time++) await ask(SOURCE, privateHost("contoso"));
}

/** Waits until exactly this was reported since `from`. */
async function untilCounted(from: number, wanted: ReadonlyMap<string, Counted>): Promise<void> {
  const total = (counts: ReadonlyMap<string, Counted>) =>
    [...counts.values()].reduce((sum, { requests }) => sum + requests, 0);
  await until(
    () => total(countSince(from)) >= total(wanted),
    () => `too little was reported: ${JSON.stringify([...countSince(from)])}`,
  );
  expect(countSince(from)).toEqual(wanted);
}

/** What was reported after the first `from` reports, and not by one of them already. */
function countSince(from: number): Map<string, Counted> {
  return addUpReports(feed.reports, from);
}

/** How often contoso's link was reported since `from`. */
function countAdmitted(from: number): number {
  return countSince(from).get(ADMITTED)?.requests ?? 0;
}

async function startWorld(settings: Record<string, string> = {}): Promise<void> {
  started = Date.now();
  const more = { LINKGATE_WORKERS: "2", ...settings };
  world = await TestWorld.start(registry => registry.set("contoso", "disabled", [LINK]), more);
  ({ feed, gate } = world);
}

async function stopWorld(): Promise<void> {
  await world.stop();
}

describe("what is counted", () => {
  beforeAll(() => startWorld());
  afterAll(stopWorld);
  beforeEach(() => gate.explainFailure());

  test("the first report is empty, and says who the gate is", async () => {
    await until(
      () => feed.reports.length > 0,
      () => "nothing was reported",
    );
    const { incarnation } = await gate.status();
    expect(feed.reports[0]).toEqual({
      gate: "test-gate",
      incarnation,
      reporter: "0",
      sequence: 1,
      age: expect.any(Number),
      userAgent: expect.stringMatching(/^linkgate-nginx\/\d+\.\d+\.\d+ nginx\/\d+\.\d+\.\d+ njs\/\d+\.\d+\.\d+$/),
      token: feed.token,
      body: "",
    });
    const begun = Date.now() - (feed.reports[0]?.age ?? Number.NaN) * 1000;
    expect(begun, "whole seconds since the gate began, and no more").toBeGreaterThan(started - 1000);
  });

  test("requests and bytes by account, reason and link, as the access log has them", async () => {
    const from = feed.reports.length;
    const lines = [
      await ask(SOURCE, privateHost("contoso")),
      await ask(SOURCE, privateHost("contoso"), { method: "POST", body: "x".repeat(1000) }),
      await ask(SOURCE, publicHost("CONTOSO")),
      await ask(linkAddress(18, "10.1.1.4"), privateHost("contoso")),
      await ask(PUBLIC_SOURCE, privateHost("contoso")),
      await ask(PUBLIC_SOURCE, publicHost("contoso")),
      await ask(linkAddress(0, "10.1.1.4"), privateHost("contoso")),
      await ask(SOURCE, privateHost("contoso"), { headers: [["x-private-link-other", "1"]] }),
      await ask(SOURCE, privateHost("contoso"), { headers: [["upgrade", "websocket"]] }),
    ];
    const wanted = new Map<string, Counted>();
    for (const { account, reason, link_id, bytes } of lines) {
      const key = `${account}\t${reason}\t${link_id}`;
      const sum = wanted.get(key) ?? { requests: 0, bytes: 0 };
      wanted.set(key, { requests: sum.requests + 1, bytes: sum.bytes + bytes });
    }
    expect([...wanted.keys()].map(key => key.split("\t")[1]).sort()).toEqual([
      "link-id-mismatch",
      "not-private-link",
      "private-link",
      "public-access-disabled",
      "reserved-header",
      "unreadable-source",
      "upgrade",
    ]);
    await untilCounted(from, wanted);
  });

  test("a health check, of an account or of a name that is none's", async () => {
    const from = feed.reports.length;
    for (const account of ["contoso", "nobody"]) {
      await askFrom(gate, PUBLIC_SOURCE, { host: privateHost(account), target: "/health/check" });
    }
    await until(
      () => countSince(from).size === 2,
      () => "nothing was reported",
    );
    expect([...countSince(from).keys()].sort()).toEqual(["\thealth-check\t", "contoso\thealth-check\t"]);
  });

  test("names that are no account's are one name, whoever asks for them; what NGINX refuses by itself is not counted", async () => {
    const from = feed.reports.length;
    await ask(SOURCE, privateHost("nobody"));
    await ask(SOURCE, privateHost("no-one"));
    await ask(linkAddress(0, "10.1.1.4"), privateHost("nobody-else"));
    await ask(SOURCE, "contoso.example");
    await askFrom(gate, SOURCE, { host: "a b", target: uniqueTarget() });
    await askFrom(
      gate,
      SOURCE,
      Buffer.from(`TRACE ${uniqueTarget()} HTTP/1.1\r\nHost: ${privateHost("contoso")}\r\n\r\n`),
    );
    await askTimes(1);
    await until(
      () => countAdmitted(from) === 1,
      () => "the last was not reported",
    );
    const counts = [...countSince(from)].map(([key, { requests }]) => [key, requests]);
    expect(new Map(counts as [string, number][])).toEqual(
      new Map([
        [`\tunknown-account\t${LINK}`, 2],
        ["\tunreadable-source\t", 1],
        ["\tunknown-host\t", 1],
        [ADMITTED, 1],
      ]),
    );
  });

  test("an account that was removed is none's", async () => {
    feed.set("fabrikam", "disabled", [LINK]);
    await feed.acknowledged();
    feed.remove("fabrikam");
    await feed.acknowledged();
    const from = feed.reports.length;
    await ask(linkAddress(0, "10.1.1.4"), privateHost("fabrikam"));
    await until(
      () => countSince(from).size > 0,
      () => "nothing was reported",
    );
    expect([...countSince(from).keys()]).toEqual(["\tunreadable-source\t"]);
  });
});

describe("on the way", () => {
  beforeAll(() => startWorld());
  afterAll(stopWorld);
  beforeEach(() => gate.explainFailure());

  test.for([503, 401, 404, 500])(
    "%i: the same report comes again, what is counted meanwhile in the next one",
    async status => {
      const from = feed.reports.length;
      feed.reportStatus = status;
      await askTimes(3);
      const known = new Set(feed.reports.slice(0, from).map(({ sequence }) => sequence));
      const refused = () =>
        feed.reports.slice(from).filter(report => report.body !== "" && !known.has(report.sequence));
      await until(
        () => refused().length >= 2,
        () => "it did not come again",
      );
      await askTimes(2);
      feed.reportStatus = 204;
      await untilCounted(from, new Map([[ADMITTED, { requests: 5, bytes: expect.any(Number) }]]));
      const [first, second] = refused();
      expect(second).toEqual({ ...first, age: expect.any(Number) });
      const sequences = [...new Set(refused().map(({ sequence }) => sequence))];
      expect(sequences).toEqual(sequences.map((_, at) => (sequences[0] ?? 0) + at));
      expect(countAdmitted(from)).toBe(5);
    },
  );

  test.for([400, 413])(
    "%i: the report is dropped, which the status page says, and the next one comes",
    async status => {
      const from = feed.reports.length;
      feed.reportStatus = status;
      await askTimes(1);
      const isSaid = (text = "") => text.includes(`refused a report with ${status}`);
      await gate.whenStatus(page => isSaid(page.reports.lastFailure?.text));
      await askTimes(2);
      await until(
        () => countAdmitted(from) === 3, // though this feed never takes the first
        () => "the next did not come",
      );
      feed.reportStatus = 204;
    },
  );

  test("the table is followed all the same", async () => {
    const from = feed.reports.length;
    feed.reportStatus = 503;
    await askTimes(1);
    feed.set("contoso", "disabled", []);
    await feed.acknowledged();
    expect((await ask(SOURCE, privateHost("contoso"))).status).toBe(403);
    feed.set("contoso", "disabled", [LINK]);
    await feed.acknowledged();
    expect((await gate.status()).lastFailure?.text ?? "").not.toContain("report");
    feed.reportStatus = 204;
    await until(
      () => countAdmitted(from) === 1,
      () => "it was not reported in the end",
    );
  });

  test("a follower that is killed leaves its report to the next; a reload loses nothing", async () => {
    const from = feed.reports.length;
    feed.reportStatus = 503;
    await askTimes(3);
    await until(
      () => countAdmitted(from) > 0,
      () => "nothing was reported",
    );
    // At the end of a worker's minute nobody follows for a moment.
    const { follower } = await gate.whenStatus(page => page.follower !== null);
    process.kill(Number(follower?.process.split(".")[0]), "SIGKILL");
    await gate.whenStatus(page => page.follower !== null && page.follower.process !== follower?.process);
    const old = gate.workerPids;
    gate.signal("SIGHUP");
    await until(
      () => gate.workerPids.every(pid => !old.includes(pid)),
      () => "the old workers are still there",
    );
    await askTimes(2);
    feed.reportStatus = 204;
    await until(
      () => countAdmitted(from) >= 5,
      () => "too little was reported",
    );
    expect(countAdmitted(from)).toBe(5);
    expect(gate.errorLog).not.toContain("signal 11"); // a timer that is cleared when it has fired kills a worker
  });
});

describe("as much as can be counted", () => {
  const dir = mkdtempSync(join(tmpdir(), "lg-fill-"));
  afterAll(async () => {
    await stopWorld();
    rmSync(dir, { recursive: true, force: true });
  });

  test("fits into the zones, and is reported in parts; with zones that are full requests are answered all the same", async () => {
    // No client can do within a test's time what this handler does.
    writeFileSync(join(dir, "fill.js"), FILL);
    const template = readFileSync(join(import.meta.dirname, "../../deploy/nginx/nginx.conf.template"), "utf8")
      .replace("js_import gate ", () => `js_import fill from "${dir}/fill.js";\n  js_import gate `)
      .replace("location = /live {", () => "location = /fill { js_content fill.fill; }\n    location = /live {");
    writeFileSync(join(dir, "template"), template);
    await startWorld({ LINKGATE_TEMPLATE: join(dir, "template") });
    gate.explainFailure();
    const fill = async (most: number) =>
      Number((await askStatus(gate.env.LINKGATE_STATUS_LISTEN ?? "", `/fill?most=${most}`, PATIENCE_MS)).body);

    const from = feed.reports.length;
    expect(await fill(MOST_KEYS + 1)).toBe(MOST_KEYS + 1);
    await until(
      () => countSince(from).size > 2000,
      () => `${countSince(from).size} keys were reported`,
    );
    for (const { body } of feed.reports.slice(from)) {
      expect(body.length).toBeLessThanOrEqual(128 * 1024);
      expect(body.split("\n").length - 1).toBeLessThanOrEqual(1000);
    }

    feed.reportStatus = 503;
    expect(await fill(1_000_000)).toBeLessThan(100_000);
    const line = await ask(SOURCE, privateHost("contoso"));
    expect(line).toMatchObject({ status: 200, reason: "private-link" });
    expect((await ask(linkAddress(18, "10.1.1.4"), privateHost("contoso"))).status).toBe(403);
    expect(await gate.probe("/live")).toBe(200);
    feed.set("contoso", "disabled", []);
    await feed.acknowledged();
    expect((await ask(SOURCE, privateHost("contoso"))).status).toBe(403);
  });
});

/** Adds keys, as long as the longest can be, until there are so many or there is no room. */
const FILL = `
function fill(r) {
  let count = 0;
  try {
    for (; count < Number(r.args.most); count++) {
      const key = String(count).padStart(63, "a") + "\\t" + "r".repeat(40) + "\\t" + (4000000000 + count);
      ngx.shared.lg_bytes.incr(key, 1e14, 0);
      ngx.shared.lg_requests.incr(key, 1, 0);
    }
  } catch (error) {}
  r.return(200, String(count));
}
export default { fill };
`;
