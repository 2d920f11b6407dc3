import { createRequire } from "node:module";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { linkAddress } from "../testing/index.ts";
import type { TestGate } from "./support/gate.ts";
import { askFrom, privateHost, publicHost, uniqueTarget } from "./support/requests.ts";
import type { TestUpstream } from "./support/upstream.ts";
import { TestWorld } from "./support/world.ts";

// Headers that a client can write.

const LINK = 822088585;
const SOURCE = linkAddress(LINK, "10.1.1.4");
const PUBLIC_SOURCE = "2001:db8::7";
const cases = createRequire(import.meta.url)("@linkgate/core/cases/headers.json") as {
  name: string;
  isReserved: boolean;
}[];
const reserved = cases.filter(row => row.isReserved && isFieldName(row.name)).map(row => row.name);
const replaced = ["host", "x-forwarded-for"]; // by the gate's own, as another test shows
const ordinary = cases
  .filter(row => !row.isReserved && isFieldName(row.name) && !replaced.includes(row.name.toLowerCase()))
  .map(row => row.name);
const EVIL = "9.9.9.9:17";

let world: TestWorld;
let gate: TestGate;
let upstream: TestUpstream;

beforeAll(async () => {
  world = await TestWorld.start(feed => feed.set("contoso", "enabled", [LINK]));
  ({ gate, upstream } = world);
});

afterAll(() => world.stop());

beforeEach(() => gate.explainFailure());

test.for(reserved)("%s never reaches the upstream", async name => {
  for (const [host, source] of [
    [privateHost("contoso"), SOURCE],
    [publicHost("contoso"), PUBLIC_SOURCE],
  ] as const) {
    const target = uniqueTarget();
    const before = upstream.requests.length;
    const answer = await askFrom(gate, source, { host, target, headers: [[name, EVIL]] });
    const line = await gate.logOf(target);
    if (answer.status === 400) expect(line).toMatchObject({ verdict: "deny", reason: "reserved-header" });
    else expect(answer.status, answer.text()).toBe(200);
    for (const request of upstream.requests.slice(before)) {
      expect(JSON.stringify(request.headers)).not.toContain(EVIL);
    }
  }
});

test.for(reserved)("%s does not keep a health check from going on, nor goes with it", async name => {
  const answer = await askFrom(gate, PUBLIC_SOURCE, {
    host: privateHost("contoso"),
    target: "/health/check",
    headers: [[name, EVIL]],
  });
  expect(answer.status).toBe(200);
  expect([...upstream.lastHeaders().keys()]).toEqual(["host"]);
});

test.for(ordinary)("%s is an ordinary header and reaches the upstream", async name => {
  const target = uniqueTarget();
  const answer = await askFrom(gate, SOURCE, { host: privateHost("contoso"), target, headers: [[name, "yes"]] });
  expect(answer.status).toBe(200);
  // NGINX drops a name with "_" in it.
  expect(upstream.lastHeaders().get(name.toLowerCase())).toBe(name.includes("_") ? undefined : "yes");
});

test("of two copies none is left", async () => {
  const headers = [
    ["x-private-link-id", "17"],
    ["X-PRIVATE-LINK-ID", "18"],
    ["X-Private-Link-Client", EVIL],
  ] as const;
  await askFrom(gate, PUBLIC_SOURCE, { host: publicHost("contoso"), headers });
  expect([...upstream.lastHeaders().keys()].filter(name => name.startsWith("x-private-link"))).toEqual([]);
  await askFrom(gate, SOURCE, { host: publicHost("contoso"), headers });
  expect(upstream.requests.at(-1)?.headers.filter(([name]) => /private/i.test(name))).toEqual([
    ["x-private-link-id", String(LINK)],
    ["x-private-link-client", `10.1.1.4:${LINK}`],
  ]);
});

test("what says where a request came from is the gate's own", async () => {
  await askFrom(gate, PUBLIC_SOURCE, {
    host: publicHost("contoso"),
    headers: ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded"].map(
      name => [name, EVIL] as const,
    ),
  });
  const headers = upstream.lastHeaders();
  expect(headers.get("x-forwarded-for")).toBe(PUBLIC_SOURCE);
  expect(headers.get("x-real-ip")).toBe(PUBLIC_SOURCE);
  expect(headers.get("x-forwarded-host")).toBe(publicHost("contoso"));
  expect(headers.get("x-forwarded-proto")).toBe("http");
  expect(headers.has("forwarded")).toBe(false);
});

test.for(["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "X-Azure-SocketIP"])(
  "%s does not change the source",
  async name => {
    const value = name === "Forwarded" ? `for="[${SOURCE}]"` : SOURCE;
    const answer = await askFrom(gate, PUBLIC_SOURCE, { host: privateHost("contoso"), headers: [[name, value]] });
    expect(answer.status).toBe(403);
  },
);

/** True for a name that HTTP can carry (RFC 9110 5.1); NGINX answers 400 to the others, or drops them. */
function isFieldName(name: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(name);
}
