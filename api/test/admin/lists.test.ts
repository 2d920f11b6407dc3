import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ConnectionView } from "../../spec/generated/types.ts";
import { accountPath, connectionPath, decisionBody, expectStatus, SUBSCRIPTION } from "../support/documents.ts";
import { agingByHand } from "./support/clock.ts";
import { DATA_ADMIN, newPerson, READER, World } from "./support/world.ts";

const owner = newPerson("Owner");
const some = newPerson("Some");
let world: World;

beforeAll(async () => {
  world = await World.start({ settings: { maxConnections: 100 } });
  world.azure.assign(owner.oid, `/subscriptions/${SUBSCRIPTION}`, ["*"]);
  await world.request("alpha", "PE-one.g", "pe-two.g", "pe-three.g");
  await world.request("beta", "pe-one.g", "pe-four.g");
  await world.request("gamma");
  world.azure.assign(some.oid, accountPath("beta"), DATA_ADMIN);
  expectStatus(await world.api.nrp.put(connectionPath("alpha", "pe-two.g"), decisionBody("Approved", "Fine")), 200);
  expectStatus(await world.api.nrp.put(connectionPath("beta", "pe-four.g"), decisionBody("Rejected", "100% no")), 200);
});
afterAll(() => world.stop());

const list = async (query: string, person = owner) => (await world.get(`connections?${query}`, person)).body;
const names = async (query: string, person = owner) =>
  (await list(query, person)).value.map((one: ConnectionView) => `${one.account}/${one.name}`);

test.each([
  ["sort=name", ["beta/pe-four.g", "alpha/PE-one.g", "beta/pe-one.g", "alpha/pe-three.g", "alpha/pe-two.g"]],
  ["sort=account", ["alpha/PE-one.g", "alpha/pe-three.g", "alpha/pe-two.g", "beta/pe-four.g", "beta/pe-one.g"]],
  [
    "sort=account&order=desc",
    ["beta/pe-one.g", "beta/pe-four.g", "alpha/pe-two.g", "alpha/pe-three.g", "alpha/PE-one.g"],
  ],
  ["sort=requested", ["alpha/PE-one.g", "alpha/pe-two.g", "alpha/pe-three.g", "beta/pe-one.g", "beta/pe-four.g"]],
  ["", ["alpha/PE-one.g", "alpha/pe-two.g", "alpha/pe-three.g", "beta/pe-one.g", "beta/pe-four.g"]],
  ["sort=changed&order=desc&limit=2", ["beta/pe-four.g", "alpha/pe-two.g"]],
  ["sort=state&state=Approved&state=Rejected", ["alpha/pe-two.g", "beta/pe-four.g"]],
  ["sort=endpoint&account=BETA", ["beta/pe-four.g", "beta/pe-one.g"]],
  ["search=PE-ONE&sort=account", ["alpha/PE-one.g", "beta/pe-one.g"]],
  ["search=fine", ["alpha/pe-two.g"]],
  ["search=100%25", ["beta/pe-four.g"]],
  ["search=%25", ["beta/pe-four.g"]],
  ["search=privateendpoints/pe-three", ["alpha/pe-three.g"]],
  ["state=Disconnected", []],
])("connections?%s", async (query, expected) => {
  expect(await names(query)).toEqual(expected);
});

test("a whole link id finds its connection, a part of one does not", async () => {
  const [{ linkIds }] = (await list("search=pe-three")).value;
  expect(await names(`search=${linkIds[0]}`)).toEqual(["alpha/pe-three.g"]);
  expect(await names(`search=${String(linkIds[0]).slice(1)}`)).toEqual([]);
});

test("counts are of everything the other filters let through, and only of what is visible", async () => {
  expect((await list("state=Approved&limit=1")).counts).toEqual({
    Pending: 3,
    Approved: 1,
    Rejected: 1,
    Disconnected: 0,
  });
  expect((await list("account=beta")).counts).toEqual({ Pending: 1, Approved: 0, Rejected: 1, Disconnected: 0 });
  expect((await list("", some)).counts).toEqual({ Pending: 1, Approved: 0, Rejected: 1, Disconnected: 0 });
});

test.each(["requested", "name", "account", "state", "endpoint", "changed"])(
  "page by page by %s: every connection once, in both directions",
  async sort => {
    for (const order of ["asc", "desc"]) {
      const seen: string[] = [];
      for (let next: string | undefined = ""; next !== undefined; ) {
        const cursor: string = next === "" ? "" : `&cursor=${next}`;
        const page = await list(`limit=2&sort=${sort}&order=${order}${cursor}`);
        expect(page.value.length).toBeLessThanOrEqual(2);
        seen.push(...page.value.map((one: ConnectionView) => `${one.account}/${one.name}`));
        next = page.next;
      }
      expect(seen).toEqual(await names(`sort=${sort}&order=${order}`));
      expect(new Set(seen).size).toBe(5);
    }
  },
);

test("a cursor goes with its person, filter and order alone, and a made-up one is refused", async () => {
  const { next } = await list("limit=1&sort=requested");
  const forge = (...place: unknown[]): string => {
    const [mark] = JSON.parse(Buffer.from(next, "base64url").toString());
    return Buffer.from(JSON.stringify([mark, ...place])).toString("base64url");
  };
  for (const [query, person] of [
    [`limit=1&sort=requested&cursor=${next}`, some],
    [`limit=1&sort=name&cursor=${next}`, owner],
    [`limit=1&sort=requested&order=desc&cursor=${next}`, owner],
    [`limit=1&sort=requested&state=Pending&cursor=${next}`, owner],
    ["cursor=junk", owner],
    [`sort=requested&cursor=${forge("1; drop table accounts", "a", "b")}`, owner],
    [`sort=requested&cursor=${forge("1", "a\0", "b")}`, owner],
    [`sort=requested&cursor=${forge("1", "a")}`, owner],
    [`sort=requested&cursor=${forge({}, [], 1)}`, owner],
  ] as const) {
    const answer = await world.get(`connections?${query}`, person);
    expect(answer, query).toMatchObject({ status: 400, body: { error: { code: "InvalidCursor" } } });
  }
  for (const path of ["accounts", "history"]) {
    expect(await world.get(`${path}?cursor=${next}`, owner)).toMatchObject({ status: 400 });
  }
});

test.each([
  "connections?limit=0",
  "connections?limit=201",
  "connections?limit=many",
  "connections?state=Owned",
  "connections?sort=password",
  "connections?search=%00",
  `connections?search=${"x".repeat(201)}`,
  "history?since=yesterday",
  "history?since=2026-02-30T25:00:00Z",
  "accounts/%00",
])("400 for %s", async path => {
  expect(await world.get(path, owner)).toMatchObject({ status: 400, body: { error: { code: "BadRequest" } } });
});

test("accounts: by name, with what is used of the maximum, the hosts, and the caller's rights", async () => {
  const { body } = await world.get("accounts?limit=2", owner);
  expect(body.value).toMatchObject([
    {
      ...{ account: "alpha", connectionsUsed: 3, connectionsMaximum: 100, publicNetworkAccess: "Enabled" },
      publicHosts: ["alpha.azurehealthcareapis.com"],
      privateHosts: ["alpha.privatelink.azurehealthcareapis.com"],
      connectionCounts: { Pending: 2, Approved: 1, Rejected: 0, Disconnected: 0 },
      rights: { approve: true, remove: true },
    },
    { account: "beta", connectionsUsed: 2 },
  ]);
  const rest = await world.get(`accounts?limit=2&cursor=${body.next}`, owner);
  expect(rest.body).toMatchObject({ value: [{ account: "gamma", connectionsUsed: 0 }] });
  expect(rest.body.next).toBeUndefined();
  expect((await world.get("accounts?search=ET", owner)).body.value).toMatchObject([{ account: "beta" }]);
  expect((await world.get("accounts", some)).body.value).toMatchObject([{ account: "beta" }]);
});

test("history: filtered, page by page, and the same as CSV", async () => {
  const all = (await world.get("history", owner)).body.value;
  expect(all.map((one: { action: string }) => one.action)).toEqual([
    "reject",
    "approve",
    ...Array<string>(5).fill("request"),
  ]);
  const first = (await world.get("history?limit=3", owner)).body;
  const second = (await world.get(`history?limit=10&cursor=${first.next}`, owner)).body;
  expect([...first.value, ...second.value]).toEqual(all);
  const [{ at, correlationId }] = all;
  for (const [query, count] of [
    ["account=beta", 3],
    ["account=beta&connection=PE-FOUR.g", 2],
    ["action=approve", 1],
    [`correlationId=${correlationId}`, 1],
    [`until=${encodeURIComponent(all[1].at)}`, 5],
    [`since=${encodeURIComponent(at)}`, 1],
    ["by=nobody", 0],
  ] as const) {
    expect((await world.get(`history?${query}`, owner)).body.value, query).toHaveLength(count);
  }
  const { text } = await world.get("history.csv?account=beta", owner);
  const lines = text.trimEnd().split("\r\n");
  expect(lines[0]).toBe(
    "at,action,from,to,account,connection,comment,via,by,objectId,appId,accountId,correlationId,id",
  );
  expect(lines).toHaveLength(4);
  expect(lines[1]).toContain('"reject","Pending","Rejected","beta","pe-four.g","100% no","nrp"');
});

test("ARM is asked few times: scopes are kept for a minute, and what is granted above is not asked for below", async () => {
  const [wide, narrow] = [newPerson("Wide"), newPerson("Narrow")];
  world.azure.assign(wide.oid, `/subscriptions/${SUBSCRIPTION}`, ["*"]);
  world.azure.assign(narrow.oid, `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg`, READER);
  const count = async (person: typeof wide) => {
    world.azure.calls.length = 0;
    const exchanges = world.entra.exchanges;
    const token = await world.entra.person(person);
    for (let n = 0; n < 3; n++) {
      for (const path of ["connections", "accounts", "history", "gates"]) {
        expect((await world.call("GET", path, token)).status).toBe(200);
      }
    }
    expect(world.entra.exchanges - exchanges, "one exchange a token").toBe(1);
    return world.azure.calls.length;
  };
  await agingByHand(async () => {
    expect(await count(wide), "the subscriptions, and the permissions at the one").toBe(2);
    // The subscriptions, the permissions at the one, what may be read in it, at the group, and at each of three accounts.
    expect(await count(narrow)).toBe(7);
  });
});

test("ten thousand connections: by any order, whatever is searched for, and each once page by page", async () => {
  const { db } = world.database;
  const body = await db
    .selectFrom("connections")
    .selectAll()
    .where("account", "=", "beta")
    .where("name_key", "=", "pe-one.g")
    .executeTakeFirstOrThrow();
  await db.transaction().execute(async tx => {
    await sql`insert into accounts select 'bulk-' || n, subscription_id, 'bulk', resource_type, 'bulk-' || n, location, kind,
      tags, properties, public_network_access, provisioning_state, 'e', system_data
      from accounts, generate_series(1, 2000) n where account = 'alpha'`.execute(tx);
    await sql`insert into connections (account, name_key, name, status, description, actions_required, provisioning_state,
        remote_private_endpoint, link_ids, etag, system_data, created_at)
      select 'bulk-' || (n % 2000 + 1), 'pe-' || n, 'pe-' || n, 'Pending', 'please ' || n, 'None', 'Succeeded',
        ${JSON.stringify(body.remote_private_endpoint)}::jsonb, array[n + 1000000], 'e', '{}', now() - make_interval(secs => n)
      from generate_series(1, 10000) n`.execute(tx);
    await sql`insert into decisions (account, subscription_id, resource_group, account_name, name_key, connection, action,
        from_state, to_state, via, correlation_id)
      select 'bulk-' || (n % 2000 + 1), ${SUBSCRIPTION}, 'bulk', 'bulk', 'pe-' || n, 'pe-' || n, 'request', 'Absent', 'Pending',
        'nrp', 'c' from generate_series(1, 10000) n`.execute(tx);
  });
  await sql`analyze`.execute(db);
  for (const query of [
    "",
    "sort=requested&order=desc",
    "sort=changed&order=desc",
    "sort=endpoint",
    "search=please%2099",
    "state=Approved",
    "limit=200",
  ]) {
    expect((await list(query)).counts.Pending).toBeGreaterThan(0);
  }
  expect((await list("search=please%209999")).value).toHaveLength(1);
  let pages = 0;
  const seen = new Set<string>();
  for (let next: string | undefined = ""; next !== undefined; pages++) {
    const page = await list(`limit=200${next === "" ? "" : `&cursor=${next}`}`);
    for (const one of page.value) seen.add(one.id);
    next = page.next;
  }
  expect(seen.size).toBe(10_005);
  expect(pages).toBe(Math.ceil(10_005 / 200));
});
