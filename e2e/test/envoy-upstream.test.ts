import { exchange, linkAddress, writeProxyHeader } from "@linkgate/njs/testing";
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from "vitest";
import { askAdmin } from "../../envoy-filter/supervisor/admin-client.ts";
import { type EnvoyGate, startEnvoy } from "../gates/envoy.ts";
import { RecordingUpstream, TestFeed, ZONE } from "../gates/index.ts";

// The connections from Envoy to the tenants' services.

const LINK = 822088585;

let feed: TestFeed;
let upstream: RecordingUpstream;
let gate: EnvoyGate;

beforeAll(async () => {
  feed = await TestFeed.start();
  feed.set("contoso", "enabled", [LINK]);
  feed.set("fabrikam", "enabled", [LINK]);
  upstream = new RecordingUpstream();
  await upstream.serve(["contoso", "fabrikam"]);
  gate = await startEnvoy({ feedUrl: feed.url, feedToken: feed.token, upstreamDir: upstream.dir, workers: 1 });
});
beforeEach(() => onTestFailed(() => console.log(gate.explain())));
afterAll(async () => {
  await gate?.stop();
  await upstream?.stop();
  await feed?.stop();
});

/** How many connections Envoy has made to services so far. */
async function countConnections(): Promise<number> {
  const text = await askAdmin(gate.admin, "GET", "/stats?filter=^cluster.linkgate_upstream.upstream_cx_total$");
  return Number(text.split(": ")[1]);
}

test("a service's connection is used again, whichever host the client asks for; another account's is another", async () => {
  const header = writeProxyHeader({ source: linkAddress(LINK, "10.1.1.4") });
  const ask = async (account: string, zone: string) => {
    const answer = await exchange(gate.endpoints.proxy, { host: `${account}.${zone}` }, header);
    expect(answer.status).toBe(200);
    expect(answer.headers).toContainEqual(["x-served-by", account]);
  };
  for (let round = 0; round < 3; round++) {
    for (const zone of [ZONE.private, ZONE.public]) await ask("contoso", zone);
  }
  expect(await countConnections()).toBe(1);
  await ask("fabrikam", ZONE.private);
  expect(await countConnections()).toBe(2);
});
