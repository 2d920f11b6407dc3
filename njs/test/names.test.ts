import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestFeed } from "./support/feed.ts";
import { TestGate } from "./support/gate.ts";
import { startNameServer } from "./support/name-server.ts";
import { askFrom, privateHost, publicHost } from "./support/requests.ts";

// The settings that a cluster needs and a laptop does not: a feed on https, and services found by name.

const file = (name: string) => fileURLToPath(new URL(`support/tls/${name}`, import.meta.url));
const TLS = { cert: readFileSync(file("feed.pem"), "utf8"), key: readFileSync(file("feed.key"), "utf8") };
const PUBLIC_SOURCE = "2001:db8::7";

let feed: TestFeed;
let gate: TestGate;
let names: Awaited<ReturnType<typeof startNameServer>>;

beforeEach(async () => {
  names = await startNameServer();
});

afterEach(async () => {
  await gate.stop();
  await feed.stop();
  names.stop();
});

test("a feed on https is followed, and told goodbye, when its certificate is the authority's", async () => {
  feed = await TestFeed.start(TLS);
  feed.set("contoso", "enabled");
  gate = await TestGate.start(feed, { LINKGATE_FEED_CA_FILE: file("ca.pem"), LINKGATE_FEED_RESOLVER: names.address });
  gate.explainFailure();
  await feed.acknowledged();
  await gate.terminate();
  expect(feed.polls.at(-1)?.isGoodbye).toBe(true);
});

test("a feed on https whose certificate nobody vouches for is not believed", async () => {
  feed = await TestFeed.start(TLS);
  feed.set("contoso", "enabled");
  gate = await TestGate.create(feed, { LINKGATE_FEED_RESOLVER: names.address });
  await gate.launch();
  gate.explainFailure();
  // Not the first time alone: a connection that was not believed must not be kept for the next time.
  const { table } = await gate.whenStatus(page => (page.lastFailure?.count ?? 0) >= 4);
  expect(gate.errorLog).toContain("SSL certificate verify error");
  expect(table.state).toBe("none");
  expect([feed.polls, feed.reports]).toEqual([[], []]);
});

test("each account's service is found by its name, for health checks too", async () => {
  const service: Server = createServer((request, answer) => answer.end(`${request.headers.host} ${request.url}`));
  await new Promise<void>(resolve => service.listen(0, "127.0.0.1", resolve));
  const { port } = service.address() as AddressInfo;
  feed = await TestFeed.start();
  feed.set("contoso", "enabled");
  gate = await TestGate.start(feed, {
    LINKGATE_UPSTREAM: `http://$linkgate_account.fhir.test:${port}`,
    LINKGATE_RESOLVER: names.address,
  });
  gate.explainFailure();
  const answer = await askFrom(gate, PUBLIC_SOURCE, { host: publicHost("contoso"), target: "/Patient?a=%2f" });
  expect(answer.text()).toBe(`${publicHost("contoso")} /Patient?a=%2f`);
  const health = await askFrom(gate, PUBLIC_SOURCE, { host: privateHost("contoso"), target: "/health/check?a" });
  expect(health.text()).toBe(`${privateHost("contoso")} /health/check`);
  expect(names.names).toContain("contoso.fhir.test");
  service.closeAllConnections();
  service.close();
});
