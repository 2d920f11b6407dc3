import { createHmac } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contract } from "../../src/contract/contract.ts";
import { ACCOUNT_BODY, accountPath, expectStatus, SUBSCRIPTION } from "../support/documents.ts";
import type { TestGate } from "../support/gate.ts";
import { until } from "../support/until.ts";
import { agingByHand, later } from "./support/clock.ts";
import { AUDIENCE, TENANT, type TokenOptions } from "./support/entra.ts";
import { type AdminRoute, bodyFor, fillIn, listAdminRoutes } from "./support/routes.ts";
import { newPerson, READER, World } from "./support/world.ts";

const routes = await listAdminRoutes();
const stranger = newPerson("Stranger");
const reader = newPerson("Reader");
let world: World;
let guard: TestGate;

beforeAll(async () => {
  world = await World.start();
  await world.request("guarded", "pe-guarded.g");
  await world.request("open", "pe-open.g");
  world.azure.assign(reader.oid, accountPath("open"), READER);
  guard = world.api.gate();
  await guard.catchUp();
});
afterAll(() => world.stop());

const json = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");

function ask(route: AdminRoute, token: string | undefined, account = "guarded", name = "pe-guarded.g") {
  return world.call(route.method, fillIn(route.path, account, name), token, bodyFor(route, account, name));
}

test("the routes are those of the contract, and each says whom it lets in", () => {
  const described = contract.operations.filter(operation => operation.service === "admin");
  const names = (list: readonly { method: string; path: string }[]) =>
    list.map(one => `${one.method} ${one.path}`).sort();
  expect(names(routes)).toEqual(
    names(described.map(({ method, route }) => ({ method, path: route.replace("/admin/v1/", "") }))),
  );
  for (const route of routes) expect(route.access, route.path).toBeDefined();
});

describe.each(routes.map(route => [`${route.method} ${route.path}`, route] as const))("%s", (_, route) => {
  const refused = { status: 401, body: { error: { code: "Unauthorized" } } };

  test.each<[string, TokenOptions]>([
    ["of another tenant", { claims: { tid: "somebody-elses" } }],
    ["without a tenant", { without: ["tid"] }],
    ["of another issuer", { claims: { iss: "https://login.microsoftonline.com/x/v2.0" } }],
    ["for another audience", { claims: { aud: "https://management.azure.com" } }],
    ["that has expired", { expires: -60 }],
    ["that never expires", { without: ["exp"] }],
    ["that is not valid yet", { claims: { nbf: 4e9 } }],
    ["without an object id", { without: ["oid"] }],
  ])("401 for a token %s", async (_name, options) => {
    const answer = await ask(route, await world.entra.person({ ...stranger, roles: ["PlatformEngineer"] }, options));
    expect(answer).toMatchObject(refused);
    expect(answer.headers["www-authenticate"]).toBe('Bearer error="invalid_token"');
  });

  test("401 without a token, unsigned, signed with the public key as a secret, or by a stranger", async () => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      ...{ iss: world.entra.issuer, aud: AUDIENCE, tid: TENANT, exp: now + 600, oid: "x", sub: "x" },
      ...{ scp: "user_impersonation", roles: ["PlatformEngineer"] },
    };
    const published = (await (await fetch(world.entra.rules.jwksUrl)).json()) as { keys: { kid: string }[] };
    const signed = `${json({ alg: "HS256", kid: published.keys[0]?.kid })}.${json(claims)}`;
    const keys = await generateKeyPair("RS256");
    const own = new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "one" });
    const embedded = { alg: "RS256", jwk: await exportJWK(keys.publicKey) };
    for (const token of [
      `${json({ alg: "none" })}.${json(claims)}.`,
      `${signed}.${createHmac("sha256", JSON.stringify(published.keys[0])).update(signed).digest("base64url")}`,
      await own.sign(keys.privateKey),
      await new SignJWT(claims).setProtectedHeader(embedded).sign(keys.privateKey),
      "junk",
    ]) {
      expect(await ask(route, token)).toMatchObject(refused);
    }
    const bare = await ask(route, undefined);
    expect(bare).toMatchObject(refused);
    expect(bare.headers["www-authenticate"]).toBe("Bearer");
  });

  test("403 for a person's token without the scope", async () => {
    const token = await world.entra.person({ ...stranger, roles: ["PlatformEngineer"] }, { claims: { scp: "other" } });
    expect(await ask(route, token)).toMatchObject({ status: 403, body: { error: { code: "ScopeMissing" } } });
  });

  test("an application gets in where it may be a platform engineer, and has to be one", async () => {
    const mayEnter = route.access !== "person";
    const [plain, engineer] = [await world.entra.application([]), await world.entra.application(["PlatformEngineer"])];
    expect(await ask(route, plain)).toMatchObject({ status: 403, body: { error: { code: "Forbidden" } } });
    if (route.path === "registry/release" || route.path === "registry/reconcile") return;
    const { status } = await ask(route, engineer);
    if (mayEnter) expect([200, 404]).toContain(status);
    else expect(status).toBe(403);
  });

  test("who has no rights learns nothing of what is there", async () => {
    if (route.path === "changes") return; // it never ends; its own test looks at what it says
    for (const person of [stranger, reader]) {
      const token = await world.entra.person(person);
      const there = await ask(route, token);
      const absent = await ask(route, token, "absent", "pe-absent.g");
      expect(there.text).not.toMatch(/services\/guarded|privateEndpoints\/pe-guarded/);
      expect(mask(there.text, "guarded"), "as if it were not there").toEqual(mask(absent.text, "absent"));
      expect(there.status).toBe(absent.status);
      if (route.access === "platform-engineer") expect(there.status).toBe(403);
    }
  });
});

/** What differs from request to request, and the names that were asked for. */
const mask = (text: string, account: string): string =>
  text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "id")
    .replaceAll(/"(heardAt|from|to)":"\d{4}-[^"]*"|"lost":\w+/g, "")
    .replaceAll(account, "asked");

test("a reader of one account sees that one alone, in every list", async () => {
  for (const path of ["accounts", "connections", "history"]) {
    const { body } = await world.get(path, reader);
    expect(new Set(body.value.map((one: { account: string }) => one.account)), path).toEqual(new Set(["open"]));
  }
  expect((await world.get("history.csv", reader)).text).not.toContain("guarded");
  expect((await world.get("connections?account=guarded", reader)).body).toMatchObject({
    value: [],
    counts: { Pending: 0 },
  });
  expect((await world.get("connections?search=guarded", reader)).body.counts.Pending).toBe(0);
  expect((await world.get("accounts/open", reader)).body).toMatchObject({ rights: { approve: false, remove: false } });
});

test("gates are shown to who has something to do with them, as far as they have", async () => {
  expect((await world.get("gates", stranger)).body.value).toEqual([]);
  expect((await world.get("gates", reader)).body.value).toMatchObject([{ name: "test", state: "live", waiting: [] }]);
  const engineer = newPerson("Engineer");
  const token = await world.entra.person({ ...engineer, roles: ["PlatformEngineer"] });
  expect((await world.call("GET", "gates", token)).body.value).toHaveLength(1);
});

test("a name that another subscription has taken over is not shown to who could read the old one", async () => {
  const [heir, foreign] = [newPerson("Heir"), "11111111-2222-4333-8444-555555555555"];
  await world.request("passing", "pe-passing.g");
  world.azure.assign(heir.oid, accountPath("passing"), READER);
  const seen = async (path: string) => (await world.get(path, heir)).body.value.length;
  expect([await seen("accounts"), await seen("connections"), await seen("history")]).toEqual([1, 1, 1]);
  expectStatus(await world.api.customer.delete(accountPath("passing")), 202);
  await until("the name is free", async () => {
    await guard.catchUp();
    return (await world.api.customer.get(accountPath("passing"))).status === 404;
  });
  expectStatus(await world.api.customer.put(accountPath("passing", foreign), ACCOUNT_BODY), 201);
  // What ARM said a moment ago is still believed; it was said of another account.
  expect([await seen("accounts"), await seen("connections")]).toEqual([0, 0]);
  expect((await world.get("accounts/passing", heir)).status).toBe(404);
});

test("a role that was taken away is noticed after a minute, whatever has been asked meanwhile", async () => {
  const former = newPerson("Former");
  world.azure.assign(former.oid, accountPath("open"), READER);
  await agingByHand(async moveTo => {
    expect((await world.get("accounts/open", former)).status).toBe(200);
    // ARM still lists the account for them; its connections are no longer theirs to read.
    const { assignments } = world.azure;
    const lesser = { oid: former.oid, scope: accountPath("open"), actions: ["Microsoft.HealthcareApis/services/read"] };
    assignments[assignments.findIndex(({ oid }) => oid === former.oid)] = lesser;
    moveTo(50);
    expect((await world.get("accounts/open", former)).status, "still believed").toBe(200);
    await world.get("accounts", former);
    moveTo(70);
    expect((await world.get("accounts", former)).body.value).toEqual([]);
    expect((await world.get("accounts/open", former)).status).toBe(404);
  });
});

test("a new key of the authority is learned, and one that is withdrawn is not believed for long", async () => {
  const status = async (token: string) => (await world.call("GET", "accounts", token)).status;
  const old = await world.entra.person(reader, { expires: 7200 });
  expect(await status(old)).toBe(200);
  await world.entra.addKey("rotated");
  const fresh = await world.entra.person(reader, { expires: 7200 });
  await later(31, async () => {
    expect(await status(fresh)).toBe(200);
    expect(await status(old), "still published").toBe(200);
  });
  await world.entra.addKey("only", { withdrawOthers: true });
  await later(3600, async () => {
    expect(await status(old)).toBe(401);
    expect(await status(fresh)).toBe(401);
    expect(await status(await world.entra.person(reader, { expires: 7200 }))).toBe(200);
  });
});

test("a path that can't be read is refused in the same words, here and by the feed", async () => {
  for (const path of ["accounts/%zz", `accounts/${"x".repeat(2000)}`]) {
    expect(await world.get(path, reader), path).toMatchObject({
      status: 400,
      body: { error: { code: "BadRequest", correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/) } },
    });
  }
  const answer = await fetch(`${world.api.urls.feedUrl}/gate/v1/%zz`);
  expect([answer.status, await answer.json()]).toEqual([
    400,
    { error: { code: "BadRequest", message: "the path can't be read" } },
  ]);
});

test("tokens of version 1 are taken where they are configured", async () => {
  const claims = {
    iss: `https://sts.windows.net/${TENANT}/`,
    ver: "1.0",
    appid: "the-portal",
    upn: "reader@example.com",
  };
  const token = await world.entra.person(reader, { claims, without: ["azp", "name", "preferred_username"] });
  expect((await world.call("GET", "accounts", token)).status).toBe(200);
});

test("the person has to sign in again where the authority says so; with the authority away it is 503", async () => {
  const careful = newPerson("Careful");
  world.entra.refusal = { status: 400, body: { error: "interaction_required", error_description: "AADSTS50076: MFA" } };
  const asked = await world.get("accounts", careful);
  expect(asked).toMatchObject({ status: 401, body: { error: { code: "SignInAgain" } } });
  expect(asked.headers["www-authenticate"]).toContain("interaction_required");
  world.entra.refusal = { status: 500, body: { error: "server_error" } };
  expect(await world.get("accounts", careful)).toMatchObject({
    status: 503,
    body: { error: { code: "AuthorityUnavailable" } },
  });
  world.entra.refusal = undefined;
  expect((await world.get("accounts", careful)).status).toBe(200);
});

test("with ARM in trouble nothing is shown, and nothing of its trouble either", async () => {
  const unlucky = newPerson("Unlucky");
  world.azure.assign(unlucky.oid, `/subscriptions/${SUBSCRIPTION}`, READER);
  world.azure.trouble = 500;
  for (const path of ["accounts", "connections", "history", "gates", "accounts/open"]) {
    const answer = await world.get(path, unlucky);
    expect(answer, path).toMatchObject({ status: 503, body: { error: { code: "ArmUnavailable" } } });
    expect(answer.headers["retry-after"]).toMatch(/^\d+$/);
  }
  world.azure.trouble = undefined;
  expect((await world.get("accounts/open", unlucky)).status).toBe(200);
});

test("no token is in the log, nor ARM's for the person", () => {
  expect(world.api.logged.join("")).not.toMatch(/eyJ[\w-]{10,}\./);
});
