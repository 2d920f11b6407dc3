import { join } from "node:path";
import { exchange, linkAddress, writeProxyHeader } from "@linkgate/njs/testing";
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from "vitest";
import { buildFilter } from "../../envoy-filter/build.ts";
import { type EnvoyGate, startEnvoy } from "../gates/envoy.ts";
import { RecordingUpstream, TestFeed, until, ZONE } from "../gates/index.ts";

// What a trap in the filter leads to, on real Envoy. The filter is the product's own with faults to order
// (envoy-filter/test/wasm/faulty.ts): everything but the fault is what runs in production.

const FAULTY = join(import.meta.dirname, "../../envoy-filter/dist/faulty.wasm");
const LINK = 822088585;
const HOST = `contoso.${ZONE.private}`;

let feed: TestFeed;
let upstream: RecordingUpstream;
let gate: EnvoyGate;

beforeAll(async () => {
  feed = await TestFeed.start();
  feed.set("contoso", "disabled", [LINK]);
  upstream = new RecordingUpstream();
  await upstream.serve(["contoso"]);
  const settings = { feedUrl: feed.url, feedToken: feed.token, upstreamDir: upstream.dir, workers: 2 };
  gate = await startEnvoy(settings, { LINKGATE_FILTER: buildFilter("test/wasm/faulty.ts", FAULTY) });
});
beforeEach(async () => {
  onTestFailed(() => console.log(gate.explain()));
  feed.set("contoso", "disabled", [LINK]);
  await feed.acknowledged();
});
afterAll(async () => {
  await gate?.stop();
  await upstream?.stop();
  await feed?.stop();
});

let count = 0;
async function ask(linkId = LINK, headers: [string, string][] = []): Promise<number> {
  const header = writeProxyHeader({ source: linkAddress(linkId, "10.1.1.4") });
  const request = { host: HOST, target: `/Patient/${++count}`, headers };
  return (await exchange(gate.endpoints.proxy, request, header)).status;
}

/** Waits until every worker has loaded its filter anew: 20 requests in a row get this status. */
function untilWhole(status: number): Promise<unknown> {
  return until(
    async () => {
      for (let request = 0; request < 20; request++) if ((await ask()) !== status) return false;
      return true;
    },
    () => "a worker does not recover",
  );
}

/** The lines that were reported so far of requests that were let in, and the reporters that they came from. */
function readReports() {
  const admitted = feed.reports.filter(({ body }) => body.includes("\tprivate-link\t"));
  const counts = admitted.flatMap(({ body }) => [...body.matchAll(/^contoso\tprivate-link\t\d+\t(\d+)\t/gm)]);
  const requests = counts.reduce((sum, [, count]) => sum + Number(count), 0);
  return { requests, reporters: new Set(admitted.map(({ reporter }) => reporter)) };
}

test("a worker that was loaded anew reports as another; every request that was let in is reported once", async () => {
  for (let request = 0; request < 10; request++) expect(await ask()).toBe(200);
  const untilReported = () =>
    until(
      async () => readReports().requests === (await gate.readLog()).filter(line => line.verdict === "allow").length,
      () => `reported: ${JSON.stringify(feed.reports)}`,
    );
  await untilReported();
  const before = readReports().reporters;
  expect(before.size).toBeGreaterThan(0);
  for (let trap = 0; trap < 10; trap++) expect(await ask(LINK, [["x-test-trap", "1"]])).toBe(503);
  await untilWhole(200);
  await untilReported();
  expect([...readReports().reporters].some(reporter => !before.has(reporter))).toBe(true);
});

test("a trap denies its request and reaches no service; the next requests recover, with the table as it was", async () => {
  for (let round = 0; round < 20; round++) {
    const forwarded = upstream.requests.length;
    expect(await ask(LINK, [["x-test-trap", "1"]])).toBe(503);
    expect(upstream.requests.length).toBe(forwarded);
    // Whichever worker it meets: 200, or 503 while that one's VM is not loaded yet. The other link never gets in.
    await until(
      async () => {
        expect(await ask(LINK + 1)).not.toBe(200);
        return (await ask()) === 200;
      },
      () => "no request recovers",
    );
  }
  await untilWhole(200);
  for (let round = 0; round < 20; round++) expect(await ask(LINK + 1)).toBe(403);
  const traps = (await gate.readLog()).filter(line => line.status === 503);
  expect(traps.length).toBeGreaterThan(0);
  expect(traps.every(line => line.verdict === "")).toBe(true);
});

test.for([1, 5])(
  "followers that trap (%i in all) are replaced; the revocation that waited is enforced",
  async traps => {
    const { incarnation, generation } = await gate.readState();
    expect(await ask()).toBe(200);
    feed.together(() => {
      feed.set("contoso", "disabled", []);
      feed.set(`trap-follower-${traps}`, "disabled", []);
    });
    // The next follower polls with the cursor of the one before: the page that trapped has acknowledged nothing.
    await feed.acknowledged(60_000);
    for (let request = 0; request < 20; request++) expect(await ask()).not.toBe(200);
    await untilWhole(403);
    // It took over in the midst, from the table that was there.
    expect(await gate.readState()).toMatchObject({ incarnation, generation, table: "current" });
  },
);

test("a follower that is overtaken while it writes a record undoes nothing when it goes on", async () => {
  feed.together(() => {
    feed.set("contoso", "disabled", [LINK, LINK + 1]);
    feed.set("delay-follower-1", "disabled", []); // stands still behind its reading of contoso's record
  });
  await feed.polled(() => true, 100).catch(() => null); // its own next poll does not come: it stands still
  feed.set("contoso", "disabled", []);
  await feed.acknowledged(30_000);
  expect(await ask()).toBe(403);
  await gate.whenState(state => /overtaken/.test(state.lastFailure?.text ?? ""), 30_000);
  expect(await ask()).toBe(403);
  expect(await ask(LINK + 1)).toBe(403);
  feed.set("contoso", "disabled", [LINK + 1]);
  await feed.acknowledged();
  expect(await ask()).toBe(403);
  expect(await ask(LINK + 1)).toBe(200);
});
