import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exchange, linkAddress, writeProxyHeader } from "@linkgate/njs/testing";
import { beforeEach, expect, test } from "vitest";
import { buildFilter } from "../../envoy-filter/build.ts";
import { addUpReports } from "../../njs/test/support/counted.ts";
import { until, ZONE } from "../gates/index.ts";
import { useEnvoy } from "./support/envoy.ts";

// What a trap in the filter leads to, on real Envoy. The filter is the product's own with faults to order
// (envoy-filter/test/wasm/faulty.ts): everything but the fault is what runs in production.

const FAULTY = join(import.meta.dirname, "../../envoy-filter/dist/faulty.wasm");
const LINK = 822088585;
const HOST = `contoso.${ZONE.private}`;

const world = useEnvoy({ contoso: ["disabled", [LINK]] }, { workers: 2 }, () => ({
  LINKGATE_FILTER: buildFilter("test/wasm/faulty.ts", FAULTY),
}));
beforeEach(async () => {
  world.feed.set("contoso", "disabled", [LINK]);
  await world.feed.acknowledged();
});

let count = 0;
/** How many answers had this status. */
const answered = { 200: 0, 403: 0, 503: 0 };

async function ask(linkId = LINK, headers: [string, string][] = []): Promise<number> {
  const header = writeProxyHeader({ source: linkAddress(linkId, "10.1.1.4") });
  const request = { host: HOST, target: `/Patient/${++count}`, headers };
  const { status } = await exchange(world.gate.endpoints.proxy, request, header);
  answered[status as keyof typeof answered]++;
  return status;
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

/** Waits until all requests that were let in are reported, each once. */
async function untilReported(): Promise<void> {
  await until(
    () => addUpReports(world.feed.reports).get(`contoso\tprivate-link\t${LINK}`)?.requests === answered[200],
    () => `${answered[200]} were let in; reported: ${JSON.stringify(world.feed.reports)}`,
  );
}

/** Who has reported requests that were let in. */
function readReporters(): Set<string> {
  const admitted = world.feed.reports.filter(({ body }) => body.includes("\tprivate-link\t"));
  return new Set(admitted.map(({ reporter }) => reporter));
}

test("a worker that was loaded anew reports as another; every request that was let in is reported once", async () => {
  for (let request = 0; request < 10; request++) expect(await ask()).toBe(200);
  await untilReported(); // what a trap finds in its VM is lost
  const before = readReporters();
  expect(before.size).toBeGreaterThan(0);
  for (let trap = 0; trap < 10; trap++) expect(await ask(LINK, [["x-test-trap", "1"]])).toBe(503);
  await untilWhole(200);
  await untilReported();
  expect([...readReporters()].some(reporter => !before.has(reporter))).toBe(true);
});

test("a trap denies its request and reaches no service; the next requests recover, with the table as it was", async () => {
  const { upstream, gate } = world;
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
  const traps = await until(
    async () => {
      const lines = (await gate.readLog()).filter(line => line.status === 503);
      return lines.length === answered[503] && lines;
    },
    () => `not every answer of 503 is in the log, or one too many; there were ${answered[503]}`,
  );
  expect(traps.length).toBeGreaterThanOrEqual(20);
  expect(traps.every(line => line.verdict === "")).toBe(true);
});

test.for([1, 5])(
  "followers that trap (%i in all) are replaced; the revocation that waited is enforced",
  async traps => {
    const { feed, gate } = world;
    const { incarnation, generation } = await gate.readState();
    expect(await ask()).toBe(200);
    feed.together(() => {
      feed.set("contoso", "disabled", []);
      feed.set(`trap-follower-${traps}`, "disabled", []);
    });
    // The next follower polls with the cursor of the one before: the page that trapped has acknowledged nothing.
    await feed.acknowledged(180_000);
    for (let request = 0; request < 20; request++) expect(await ask()).not.toBe(200);
    await untilWhole(403);
    // It took over in the midst, from the table that was there.
    expect(await gate.readState()).toMatchObject({ incarnation, generation, table: "current" });
  },
);

test("a follower that is overtaken while it writes a record undoes nothing when it goes on", async () => {
  const { feed, gate } = world;

  /** Has a follower stand still behind its reading of contoso's record. @returns true if another was faster meanwhile */
  async function overtake(round: number): Promise<boolean> {
    feed.together(() => {
      feed.set("contoso", "disabled", [LINK, LINK + 1]);
      feed.set(`delay-follower-${round}`, "disabled", []);
    });
    feed.set("contoso", "disabled", []);
    await feed.acknowledged();
    expect(await ask()).toBe(403); // now, or when the thread that stands still goes on
    const end = await until(
      () => readErrors().filter(each => each.text.includes("the delayed follower is done"))[round - 1],
      () => "the delayed follower never went on",
    );
    return readErrors().some(each => each.thread === end.thread && each.text.includes("has overtaken this one"));
  }

  /** The status page has the last failure alone, and there may be others behind it. */
  function readErrors(): { thread: string; text: string }[] {
    const lines = readFileSync(join(gate.dir, "run/error.log"), "utf8").split("\n");
    return lines.map(text => ({ thread: /^\[[^\]]+\]\[(\d+)\]/.exec(text)?.[1] ?? "", text }));
  }

  // Where this process stood still, the feed answered nobody, and the delayed follower was the first after all: then once more.
  for (let round = 1; !(await overtake(round)); ) round++;
  expect(await ask()).toBe(403);
  expect(await ask(LINK + 1)).toBe(403);
  feed.set("contoso", "disabled", [LINK + 1]);
  await feed.acknowledged();
  expect(await ask()).toBe(403);
  expect(await ask(LINK + 1)).toBe(200);
});
