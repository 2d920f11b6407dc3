import { exchange, linkAddress, writeProxyHeader } from "@linkgate/njs/testing";
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from "vitest";
import { askAdmin } from "../../envoy-filter/supervisor/admin-client.ts";
import { type EnvoyGate, startEnvoy } from "../gates/envoy.ts";
import { RecordingUpstream, TestFeed, until, ZONE } from "../gates/index.ts";

// What the gate on Envoy says of itself: its access log, and Envoy's own metrics as Prometheus reads them.

const LINK = 822088585;

let feed: TestFeed;
let upstream: RecordingUpstream;
let gate: EnvoyGate;

beforeAll(async () => {
  feed = await TestFeed.start();
  feed.set("contoso", "disabled", [LINK]);
  feed.set("fabrikam", "enabled", []);
  upstream = new RecordingUpstream();
  await upstream.serve(["contoso", "fabrikam"]);
  gate = await startEnvoy({ feedUrl: feed.url, feedToken: feed.token, upstreamDir: upstream.dir, maxTableAge: 60 });
});
beforeEach(() => onTestFailed(() => console.log(gate.explain())));
afterAll(async () => {
  await gate?.stop();
  await upstream?.stop();
  await feed?.stop();
});

/** The gate's own metrics by the name that Prometheus has for them. */
async function readMetrics(): Promise<Record<string, number>> {
  const text = await askAdmin(gate.admin, "GET", "/stats/prometheus");
  const lines = [...text.matchAll(/^(linkgate_\w+)\{\} (\d+)$/gm)];
  return Object.fromEntries(lines.map(([, name = "", value]) => [name, Number(value)]));
}

async function ask(host: string, source: string, target: string, tlvHeader?: Buffer): Promise<number> {
  const header = tlvHeader ?? writeProxyHeader({ source });
  return (await exchange(gate.endpoints.proxy, { host, target }, header)).status;
}

/** A request for each reason that a client can bring about, and what its line says. */
const REQUESTS: Record<string, { host: string; source: string; account: string; client: string; target?: string }> = {
  "private-link": {
    host: `contoso.${ZONE.private}`,
    source: linkAddress(LINK, "10.1.1.4"),
    account: "contoso",
    client: `10.1.1.4:${LINK}`,
  },
  public: { host: `fabrikam.${ZONE.public}`, source: "2001:db8::7", account: "fabrikam", client: "" },
  "health-check": {
    host: `contoso.${ZONE.private}`,
    source: "2001:db8::7",
    account: "contoso",
    client: "",
    target: "/health/check?log",
  },
  "link-id-mismatch": {
    host: `contoso.${ZONE.private}`,
    source: linkAddress(LINK + 1, "10.1.1.5"),
    account: "contoso",
    client: `10.1.1.5:${LINK + 1}`,
  },
  "private-link-not-enabled": {
    host: `fabrikam.${ZONE.private}`,
    source: linkAddress(LINK, "10.1.1.4"),
    account: "fabrikam",
    client: `10.1.1.4:${LINK}`,
  },
  "unknown-account": { host: `nobody.${ZONE.public}`, source: "2001:db8::7", account: "nobody", client: "" },
  "not-private-link": { host: `contoso.${ZONE.private}`, source: "2001:db8::7", account: "contoso", client: "" },
  "public-access-disabled": { host: `contoso.${ZONE.public}`, source: "2001:db8::7", account: "contoso", client: "" },
  "unknown-host": { host: "example.com", source: "2001:db8::7", account: "", client: "" },
  "unreadable-source": {
    host: `contoso.${ZONE.private}`,
    source: linkAddress(0, "10.1.1.4"),
    account: "contoso",
    client: "",
  },
};

test.for(Object.entries(REQUESTS))("%s: logged with account and client, and counted", async ([reason, request]) => {
  const name = `linkgate_decisions_${reason.replaceAll("-", "_")}`;
  const before = (await readMetrics())[name] ?? 0;
  const target = request.target ?? `/Patient/${reason}`;
  const isAllowed = ["private-link", "public", "health-check"].includes(reason);
  expect(await ask(request.host, request.source, target)).toBe(isAllowed ? 200 : 403);
  const line = await gate.waitForLog(each => each.request_uri === target);
  expect(line).toMatchObject({
    verdict: isAllowed ? "allow" : "deny",
    reason,
    account: request.account,
    client: request.client,
    link_id: request.client.split(":").at(1) ?? "",
    host: request.host,
    method: "GET",
    listener: "proxy",
    status: isAllowed ? 200 : 403,
  });
  expect((await readMetrics())[name]).toBe(before + 1);
});

test("a change of the table moves the count of sweeps, a load the generation", async () => {
  const before = await readMetrics();
  feed.set("contoso", "disabled", [LINK, 7]);
  await feed.acknowledged();
  const after = await readMetrics();
  expect(after.linkgate_feed_sweeps).toBeGreaterThan(before.linkgate_feed_sweeps ?? 0);
  expect(after.linkgate_table_generation).toBe(before.linkgate_table_generation);
  feed.forgetCursors();
  await until(
    async () => ((await readMetrics()).linkgate_table_generation ?? 0) > (before.linkgate_table_generation ?? 0),
    () => "no new generation",
  );
});

/** Brings two changes, of which the second answers a poll that was sent just now: the table is as old as that poll. */
async function refresh(): Promise<void> {
  for (const id of [1, 2]) {
    feed.set("fabrikam", "enabled", [id]);
    await feed.acknowledged();
  }
  await until(
    async () => ((await readMetrics()).linkgate_table_age_seconds ?? 9) <= 1,
    () => "the age does not fall",
  );
}

test("with a feed that is silent the table's age grows; with one that answers errors they are counted", async () => {
  await refresh();
  const { linkgate_feed_errors: before = 0 } = await readMetrics();
  feed.hang();
  await until(
    async () => ((await readMetrics()).linkgate_table_age_seconds ?? 0) >= 3,
    () => "the age does not grow",
  );
  feed.resume(); // answers what hung with 503
  await until(
    async () => ((await readMetrics()).linkgate_feed_errors ?? 0) > before,
    () => "no error is counted",
  );
  await refresh();
});

test("its reports tell the filter's version and Envoy's", () => {
  expect(feed.reports[0]?.userAgent).toMatch(/^linkgate-envoy\/\d+\.\d+\.\d+ envoy\/1\.\d+\.\d+$/);
});
