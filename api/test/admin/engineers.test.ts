import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { adminRoutes } from "../../src/admin/routes.ts";
import { enterCurrentEpoch } from "../../src/database/epoch.ts";
import { holdRegistry } from "../../src/database/release.ts";
import type { NrpClient } from "../../src/nrp/client.ts";
import { startOperation } from "../../src/operations/service.ts";
import { type Feed, GateDouble, gateNames, gateRow, putAccount, startFeed } from "../feed/kit.ts";
import { connect, createAccount, NrpDouble } from "../reconcile/kit.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

const issuer = "https://sign-in.example/tenant/v2.0";
const audience = "api://linkgate";
const keys = await generateKeyPair("RS256");
const strangers = await generateKeyPair("RS256");

let drop: () => Promise<void>;
let feed: Feed;
let url: string;
let authority: ReturnType<typeof createServer>;
const apps: ReturnType<typeof Fastify>[] = [];

beforeAll(async () => {
  const jwks = JSON.stringify({
    keys: [{ ...(await exportJWK(keys.publicKey)), kid: "one", alg: "RS256", use: "sig" }],
  });
  authority = createServer((_, response) => response.setHeader("content-type", "application/json").end(jwks));
  await new Promise<void>(resolve => authority.listen(0, "127.0.0.1", resolve));
  const made = await createTestDatabase();
  drop = made.drop;
  feed = await startFeed(made.url);
  url = await startAdmin(`http://127.0.0.1:${(authority.address() as AddressInfo).port}/keys`);
});

beforeEach(async () => {
  for (const table of ["cursors", "gates", "operations"] as const) await feed.database.db.deleteFrom(table).execute();
});

afterAll(async () => {
  for (const app of apps) await app.close();
  authority.closeAllConnections();
  await new Promise(resolve => authority.close(resolve));
  await feed.close();
  await drop();
});

async function startAdmin(jwksUrl: string, nrp?: NrpClient): Promise<string> {
  const app = Fastify({ forceCloseConnections: true });
  apps.push(app);
  const tokens = { issuers: [issuer], audiences: [audience], jwksUrl, tenantId: "tenant", scope: "user_impersonation" };
  await app.register(adminRoutes, {
    ...{ database: feed.database, nrp, tokens, onBehalfOf: undefined, zones: [], maxConnections: 5 },
  });
  return app.listen({ host: "127.0.0.1", port: 0 });
}

interface Claims {
  readonly roles?: unknown;
  readonly issuer?: string;
  readonly audience?: string;
  /** Seconds from now. */
  readonly expires?: number;
  readonly key?: typeof keys.privateKey;
  readonly kid?: string;
}

function sign(claims: Claims = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({
    roles: "roles" in claims ? claims.roles : ["PlatformEngineer"],
    oid: "an-engineer",
    tid: "tenant",
  })
    .setProtectedHeader({ alg: "RS256", kid: claims.kid ?? "one" })
    .setIssuer(claims.issuer ?? issuer)
    .setAudience(claims.audience ?? audience)
    .setSubject("someone")
    .setIssuedAt(now - 100)
    .setExpirationTime(now + (claims.expires ?? 600))
    .sign(claims.key ?? keys.privateKey);
}

async function ask(path: string, token: string | undefined, method = "GET", base = url, body?: object) {
  const headers: Record<string, string> = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { "content-type": "application/json" }),
  };
  const response = await fetch(`${base}/admin/v1/${path}`, {
    method,
    headers,
    body: body ? JSON.stringify(body) : null,
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> & { value?: unknown } };
}

const keysUrl = () => `http://127.0.0.1:${(authority.address() as AddressInfo).port}/keys`;

test("a held registry is looked at, reconciled and released; whoever is no platform engineer does none of it", async () => {
  const nrp = new NrpDouble();
  const base = await startAdmin(keysUrl(), nrp);
  const engineer = await sign();
  const call = (path: string, method: string, body?: object) => ask(path, engineer, method, base, body);
  await enterCurrentEpoch(feed.database.db);
  await createAccount(feed.database, "restored");
  await connect(feed.database, "restored", "pe1.g", [7]);
  expect((await call("registry", "GET")).body).toEqual({
    state: "served",
    since: expect.any(String),
    reconciledAt: null,
    revocationsHeldUntil: null,
  });
  await holdRegistry(feed.database);
  expect((await call("registry", "GET")).body).toMatchObject({
    state: "held",
    revocationsHeldUntil: expect.stringMatching(/^\d{4}-/),
  });
  expect(await call("registry/release", "POST")).toMatchObject({
    status: 409,
    body: { error: { code: "NotReconciled" } },
  });
  expect(await call("registry/release", "POST", { vouchGates: "perhaps" })).toMatchObject({ status: 400 });
  expect(await ask("registry/reconcile", engineer, "POST")).toMatchObject({
    status: 409,
    body: { error: { code: "NrpNotConfigured" } },
  });
  for (const token of [undefined, await sign({ roles: ["Reader"] })]) {
    for (const [path, method] of [
      ["registry", "GET"],
      ["registry/reconcile", "POST"],
      ["registry/release", "POST"],
    ] as const) {
      expect((await ask(path, token, method, base)).status).toBe(token === undefined ? 401 : 403);
    }
  }
  nrp.isAway = true;
  expect(await call("registry/reconcile", "POST")).toMatchObject({ status: 200, body: { complete: false } });
  expect(await call("registry/release", "POST", {})).toMatchObject({ status: 409 });
  nrp.isAway = false;
  expect(await call("registry/reconcile", "POST")).toMatchObject({
    status: 200,
    body: { complete: true, changed: [{ id: expect.stringContaining("pe1.g") }], open: [], unanswered: [] },
  });
  expect(await call("registry/release", "POST", { vouchGates: true })).toMatchObject({
    status: 200,
    body: { state: "served", reconciledAt: expect.any(String), revocationsHeldUntil: null },
  });
  await holdRegistry(feed.database);
  expect((await call("registry/release", "POST", { withoutReconcile: true })).body).toMatchObject({ state: "served" });
});

const list = async () => (await ask("gates", await sign())).body.value;

test("gates with their state, and what waits for each", async () => {
  const { db } = feed.database;
  const [here, late, gone] = [
    new GateDouble(feed, gateNames[0]),
    new GateDouble(feed, gateNames[1]),
    new GateDouble(feed, gateNames[2]),
  ];
  for (const gate of [here, late, gone]) await gate.poll({ maxAge: 60 });
  await gone.ask({ bye: 1 });
  const operation = await db.transaction().execute(tx =>
    startOperation(tx, {
      kind: "connection-delete",
      account: "alpha",
      subscriptionId: "s",
      location: "l",
      resourceId: "/subscriptions/s/x",
    }),
  );
  await here.poll({ maxAge: 60 });
  await here.poll({ maxAge: 60 });
  const hear = (gate: GateDouble, seconds: number) =>
    sql`update gates set heard_at = clock_timestamp() + make_interval(secs => ${seconds})
      where incarnation = ${gate.incarnation}`.execute(db);
  await hear(late, -11);
  await hear(here, 3600); // however long this takes
  const heardAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  const common = { maxAge: 60, behind: 0, heardAt, waiting: [], version: null, reportedAt: null };
  const { accounts } = await db
    .selectFrom("accounts")
    .select(sql<number>`count(*)::int`.as("accounts"))
    .executeTakeFirstOrThrow();
  expect(await list()).toEqual([
    { ...common, name: gateNames[0], incarnation: here.incarnation, state: "live", lost: false },
    {
      ...common,
      name: gateNames[1],
      incarnation: late.incarnation,
      state: "live",
      lost: true,
      behind: accounts,
      waiting: [
        {
          id: operation.id,
          kind: "connection-delete",
          resourceId: "/subscriptions/s/x",
          startedAt: operation.started_at.toISOString(),
        },
      ],
    },
    { ...common, name: gateNames[2], incarnation: gone.incarnation, state: "ended", lost: false },
  ]);
});

test("a gate whose poll is held open is not lost", async () => {
  const gate = new GateDouble(feed);
  await gate.follow();
  const poll = gate.poll({ wait: 30 });
  await until("the poll is held back", () => feed.held() === 1);
  await sql`update gates set heard_at = clock_timestamp() - interval '1 minute'`.execute(feed.database.db);
  await until("it is heard again", async () => {
    const [view] = (await list()) as { lost: boolean }[];
    return view?.lost === false;
  });
  await putAccount(feed.database.db, "news");
  await poll;
});

test("rule 25: retiring is final, twice is the same as once, and a gate that has ended stays so", async () => {
  const [gate, ended] = [new GateDouble(feed), new GateDouble(feed)];
  await gate.follow();
  await ended.ask({ bye: 1 });
  for (let n = 0; n < 2; n++) {
    const { status, body } = await ask(`gates/${gate.incarnation}/retire`, await sign(), "POST");
    expect(status).toBe(200);
    expect(body).toMatchObject({ incarnation: gate.incarnation, state: "retired", lost: false, waiting: [] });
  }
  expect((await gate.ask()).status).toBe(410);
  expect((await ask(`gates/${ended.incarnation}/retire`, await sign(), "POST")).body).toMatchObject({ state: "ended" });
});

test("404 for an incarnation that nobody has heard of, 400 for what is none", async () => {
  expect(await ask(`gates/${"0".repeat(32)}/retire`, await sign(), "POST")).toEqual({
    status: 404,
    body: { error: { code: "NotFound", message: expect.stringContaining("gate"), correlationId: expect.any(String) } },
  });
  expect(await ask("gates/ams-1/retire", await sign(), "POST")).toMatchObject({
    status: 400,
    body: { error: { code: "BadRequest" } },
  });
});

test.each<[string, Claims]>([
  ["that has expired", { expires: -60 }],
  ["of another issuer", { issuer: "https://sign-in.example/other/v2.0" }],
  ["for another audience", { audience: "api://somebody" }],
  ["signed by a stranger", { key: strangers.privateKey }],
  ["with a key nobody published", { kid: "two" }],
])("401 for a token %s", async (_, claims) => {
  expect(await ask("gates", await sign(claims))).toEqual({
    status: 401,
    body: {
      error: {
        ...{ code: "Unauthorized", message: "the bearer token is not valid here" },
        correlationId: expect.any(String),
      },
    },
  });
});

test("401 without a token, with junk, and with a token that nobody signed", async () => {
  const [header, payload] = [
    { alg: "none" },
    { iss: issuer, aud: audience, sub: "x", exp: 4e9, roles: ["PlatformEngineer"] },
  ];
  const unsigned = `${[header, payload].map(part => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")}.`;
  for (const token of [undefined, "", "junk", unsigned]) {
    expect(await ask("gates", token)).toMatchObject({ status: 401, body: { error: { code: "Unauthorized" } } });
  }
});

test.each([[undefined], [[]], ["PlatformEngineer"], [["platformengineer"]], [["DataAdmin"]]])(
  "403 for the roles %j, and nothing is retired",
  async roles => {
    const gate = new GateDouble(feed);
    await gate.follow();
    const token = await sign({ roles });
    for (const [path, method] of [
      ["gates", "GET"],
      [`gates/${gate.incarnation}/retire`, "POST"],
    ] as const) {
      expect(await ask(path, token, method)).toEqual({
        status: 403,
        body: { error: { code: "Forbidden", message: expect.any(String), correlationId: expect.any(String) } },
      });
    }
    expect(await gateRow(feed.database.db, gate.incarnation)).toMatchObject({ state: "live" });
  },
);

test("503 while the authority's keys can't be had", async () => {
  const base = await startAdmin("http://127.0.0.1:1/keys");
  expect(await ask("gates", await sign(), "GET", base)).toMatchObject({
    status: 503,
    body: { error: { code: "AuthorityUnavailable" } },
  });
});
