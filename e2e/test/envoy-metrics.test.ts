import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange, linkAddress, linkTlv, RawConnection, writeProxyHeader, writeRequest } from "@linkgate/njs/testing";
import { expect, onTestFailed, onTestFinished, test } from "vitest";
import { send } from "../../njs/test/support/feed.ts";
import { startEnvoy } from "../gates/envoy.ts";
import { until, ZONE } from "../gates/index.ts";
import { useEnvoy } from "./support/envoy.ts";

// What the gate on Envoy says of itself: its access log, and Envoy's own metrics as Prometheus reads them.

const LINK = 822088585;
const TEMPLATES = join(import.meta.dirname, "../../deploy/envoy");

const world = useEnvoy({ contoso: ["disabled", [LINK]], fabrikam: ["enabled", []] }, { linkTlv: "optional" });

/** The gate's own metrics by the name that Prometheus has for them. */
async function readMetrics(gate = world.gate): Promise<Record<string, number>> {
  const text = await gate.readAdmin("/stats/prometheus");
  const lines = [...text.matchAll(/^(linkgate_\w+)\{\} (\d+)$/gm)];
  return Object.fromEntries(lines.map(([, name = "", value]) => [name, Number(value)]));
}

/** A request, and what its line says. */
interface Request {
  readonly host: string;
  readonly source: string;
  /** Of the PROXY header's TLV. */
  readonly linkId?: number;
  readonly target?: string;
  readonly account: string;
  readonly client: string;
}

async function ask({ host, source, linkId }: Request, target: string): Promise<number> {
  const header = writeProxyHeader({ source, ...(linkId === undefined ? {} : { tlvs: [linkTlv(linkId)] }) });
  return (await exchange(world.gate.endpoints.proxy, { host, target }, header)).status;
}

/** A request for each reason that a client can bring about. */
const REQUESTS: Record<string, Request> = {
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
  "conflicting-link-ids": {
    host: `contoso.${ZONE.private}`,
    source: linkAddress(LINK, "10.1.1.4"),
    linkId: LINK + 1,
    account: "contoso",
    client: "",
  },
};

test.for(Object.entries(REQUESTS))("%s: logged with account and client, and counted", async ([reason, request]) => {
  const name = `linkgate_decisions_${reason.replaceAll("-", "_")}`;
  const before = (await readMetrics())[name] ?? 0;
  const target = request.target ?? `/Patient/${reason}`;
  const isAllowed = ["private-link", "public", "health-check"].includes(reason);
  expect(await ask(request, target)).toBe(isAllowed ? 200 : 403);
  const line = await world.gate.waitForLog(each => each.request_uri === target);
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
  const { feed } = world;
  await feed.acknowledged();
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

/** Changes until the table is young: as old as the poll that brought the last change, which may have waited for it. */
async function refresh(): Promise<void> {
  let id = 0;
  await until(
    async () => {
      world.feed.set("fabrikam", "enabled", [++id]);
      await world.feed.acknowledged();
      return ((await readMetrics()).linkgate_table_age_seconds ?? 9) <= 1;
    },
    () => "the age does not fall",
  );
}

test("with a feed that is silent the table's age grows; with one that answers errors they are counted", async () => {
  const { feed, gate } = world;
  await refresh();
  feed.hang();
  await until(
    async () => ((await readMetrics()).linkgate_table_age_seconds ?? 0) >= 3,
    () => "the age does not grow",
  );
  // What came before the feed was silent may have moved it once more.
  const { linkgate_cursor_timestamp_seconds: stopped = 0 } = await readMetrics();
  await until(
    async () => ((await readMetrics()).linkgate_table_age_seconds ?? 0) >= 5,
    () => "the age does not grow",
  );
  expect((await readMetrics()).linkgate_cursor_timestamp_seconds).toBe(stopped);
  const { linkgate_feed_errors: before = 0 } = await readMetrics();
  feed.resume(); // answers what hung with 503
  feed.misbehave = (_, answer) => send(answer, 503, "{}");
  await gate.whenState(state => state.lastFailure?.text === "the feed answered 503");
  expect((await readMetrics()).linkgate_feed_errors).toBeGreaterThan(before);
  feed.resume();
  await refresh();
  expect((await readMetrics()).linkgate_cursor_timestamp_seconds).toBeGreaterThan(stopped);
});

test("table-unavailable: counted while a table that was dropped is not loaded anew", async () => {
  const { feed, gate } = world;
  onTestFinished(() => feed.resume());
  const { linkgate_decisions_table_unavailable: before = 0 } = await readMetrics();
  feed.misbehave = (poll, answer) => {
    if (poll.cursor === "") feed.leave(answer);
    else send(answer, 410, "!start-over\tdrop\n");
  };
  feed.wakeAll();
  await gate.whenState(state => state.table === "none");
  const request = REQUESTS["private-link"] as Request;
  expect(await ask(request, "/Patient/no-table")).toBe(503);
  const line = await gate.waitForLog(each => each.request_uri === "/Patient/no-table");
  expect(line).toMatchObject({ verdict: "deny", reason: "table-unavailable", status: 503, client: request.client });
  expect((await readMetrics()).linkgate_decisions_table_unavailable).toBe(before + 1);
  await until(
    async () => (await readMetrics()).linkgate_cursor_timestamp_seconds === 0, // from the follower's next tick on
    () => "the cursor of a table that was dropped stays",
  );
  feed.resume();
  await gate.whenState(state => state.table === "current");
});

test("its reports tell the filter's version and Envoy's", async () => {
  const report = await until(
    () => world.feed.reports[0],
    () => "no report came",
  );
  expect(report.userAgent).toMatch(/^linkgate-envoy\/\d+\.\d+\.\d+ envoy\/1\.\d+\.\d+$/);
});

test("old-connection: counted where Envoy's own timers let a connection become too old", async () => {
  const templates = mkdtempSync(join(tmpdir(), "lg-metrics-"));
  onTestFinished(() => rmSync(templates, { recursive: true }));
  cpSync(TEMPLATES, templates, { recursive: true });
  const file = join(templates, "listeners.yaml.template");
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(/\$\{LINKGATE_CONNECTION_DURATION\}/g, "3600s # $&"));
  const { feed, upstream } = world;
  const gate = await startEnvoy(
    { feedUrl: feed.url, feedToken: feed.token, upstreamDir: upstream.dir, linkQuarantine: 1 },
    { LINKGATE_TEMPLATE_DIR: templates },
  );
  onTestFinished(() => gate.stop());
  onTestFailed(() => console.log(gate.explain()));
  const source = linkAddress(LINK, "10.1.1.4");
  const connection = await RawConnection.open(gate.endpoints.proxy, writeProxyHeader({ source }));
  onTestFinished(() => connection.close());
  await until(
    async () => {
      connection.send(writeRequest({ host: `contoso.${ZONE.private}`, headers: [["Connection", "keep-alive"]] }));
      return (await connection.readResponse()).status === 421;
    },
    () => "the connection is never too old",
  );
  expect(await readMetrics(gate)).toMatchObject({ linkgate_decisions_old_connection: 1 });
});
