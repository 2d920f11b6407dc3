import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { linkAddress } from "../testing/index.ts";
import { TestFeed } from "./support/feed.ts";
import { TestGate } from "./support/gate.ts";
import { askFrom, privateHost, publicHost, uniqueTarget } from "./support/requests.ts";
import { TestUpstream } from "./support/upstream.ts";

let feed: TestFeed;
let gate: TestGate;
let upstream: TestUpstream;
const SOURCE = linkAddress(822088585, "10.1.1.4");

beforeAll(async () => {
  feed = await TestFeed.start();
  feed.set("contoso", "enabled", [822088585]);
  gate = await TestGate.start(feed, { LINKGATE_WORKERS: "2" });
  upstream = new TestUpstream(`${gate.dir}/up`);
  await upstream.serve(["contoso"]);
});

afterAll(async () => {
  await gate.stop();
  await upstream.stop();
  await feed.stop();
});

beforeEach(() => gate.explainFailure());

test("a link is admitted, revoked, and admitted again", async () => {
  const ask = () => askFrom(gate, SOURCE, { host: privateHost("contoso"), target: uniqueTarget() });
  expect((await ask()).status).toBe(200);
  feed.set("contoso", "enabled", []);
  await feed.acknowledged();
  expect((await ask()).status).toBe(403);
  feed.set("contoso", "enabled", [822088585]);
  await feed.acknowledged();
  expect((await ask()).status).toBe(200);
  expect((await askFrom(gate, "2001:db8::7", { host: publicHost("contoso"), target: uniqueTarget() })).status).toBe(
    200,
  );
});
