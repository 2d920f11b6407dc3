import { sql } from "kysely";
import { request } from "undici";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { notify } from "../../src/database/notifications.ts";
import {
  accountPath,
  connectionPath,
  decisionBody,
  expectStatus,
  nextLinkId,
  proxyBody,
  proxyPath,
  SUBSCRIPTION,
} from "../support/documents.ts";
import { until } from "../support/until.ts";
import { later } from "./support/clock.ts";
import type { Person, TokenOptions } from "./support/entra.ts";
import { newPerson, READER, World } from "./support/world.ts";

let world: World;
let watcher: Awaited<ReturnType<typeof follow>>;
const open: { destroy(): void }[] = [];

beforeAll(async () => {
  world = await World.start();
  const watching = newPerson("Watcher");
  world.azure.assign(watching.oid, `/subscriptions/${SUBSCRIPTION}`, READER);
  await world.request("watched-always");
  watcher = await follow(watching);
  open.length = 0; // stays, so that the api goes on comparing: what comes is told by name, and not by `ready`
  await until("the api listens", async () => {
    const { rows } = await sql`select from pg_stat_activity
      where datname = current_database() and query like 'listen%' and state = 'idle'`.execute(world.database.db);
    return rows.length === 1;
  });
  await until("the first change that is told by name", async () => {
    await change();
    return changed(watcher.events, "watched-always") > 0;
  });
});
afterEach(() => {
  for (const stream of open.splice(0)) stream.destroy();
});
afterAll(() => world.stop());

interface Event {
  readonly name: string;
  readonly data: { readonly accounts?: readonly string[] };
}

/** Follows the changes as the portal does. */
async function follow(person: Person, options: TokenOptions = {}) {
  const token = await world.entra.person(person, options);
  const answer = await request(`${world.api.urls.adminUrl}/admin/v1/changes`, {
    dispatcher: world.agent,
    headers: { authorization: `Bearer ${token}` },
  });
  const events: Event[] = [];
  const state = { hasEnded: false };
  open.push(answer.body);
  let text = "";
  answer.body.setEncoding("utf8");
  answer.body.on("data", chunk => {
    text += chunk;
    for (const block of text.split("\n\n").slice(0, -1)) {
      const [, name = "", data = "{}"] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (name !== "") events.push({ name, data: JSON.parse(data) });
    }
    text = text.slice(text.lastIndexOf("\n\n") + 2);
  });
  answer.body.on("close", () => {
    state.hasEnded = true;
  });
  answer.body.on("error", () => {});
  return { status: answer.statusCode, headers: answer.headers, events, state, stream: answer.body };
}

/** Something that is told, once. */
async function change(): Promise<void> {
  const { body } = await world.api.customer.get(accountPath("watched-always"));
  const publicNetworkAccess = body.properties.publicNetworkAccess === "Enabled" ? "Disabled" : "Enabled";
  expectStatus(
    await world.api.customer.patch(accountPath("watched-always"), { properties: { publicNetworkAccess } }),
    200,
  );
}

/** Waits until all that has been committed has been told: one look comes after the other. No gate may be there meanwhile. */
async function pass(): Promise<void> {
  const before = changed(watcher.events, "watched-always");
  await change();
  await until("all before it was told", async () => changed(watcher.events, "watched-always") > before);
}

const changed = (events: readonly Event[], account: string) =>
  events.filter(event => event.name === "changed" && event.data.accounts?.includes(account)).length;

test("a request, a decision and its way to the gates are told as they happen, of the caller's accounts alone", async () => {
  const viewer = newPerson("Viewer");
  await world.request("watched");
  await world.request("other");
  await pass();
  world.azure.assign(viewer.oid, accountPath("watched"), READER);
  const { events, headers, status } = await follow(viewer);
  expect(status).toBe(200);
  expect(headers["content-type"]).toBe("text/event-stream");
  expect(headers["cache-control"]).toBe("no-store");
  await until("it is ready", async () => events.some(event => event.name === "ready"));
  const put = (account: string) =>
    world.api.nrp.put(proxyPath(account, "pe1.g"), proxyBody("pe1.g", "manual", [nextLinkId()]));
  expectStatus(await put("other"), 201);
  expectStatus(await put("watched"), 201);
  await until("the request is told", async () => changed(events, "watched") >= 1);
  const gate = world.api.gate();
  await gate.catchUp();
  expectStatus(await world.api.nrp.put(connectionPath("watched", "pe1.g"), decisionBody("Approved")), 200);
  const progress = async () => (await world.get("accounts/watched/connections/pe1.g", viewer)).body.progress;
  await until("the approval is told", async () => changed(events, "watched") >= 2);
  expect(await progress()).toMatchObject({ phase: "spreading", waitingFor: ["test"] });
  const before = changed(events, "watched");
  await gate.catchUp();
  await until("that it is in force is told", async () => changed(events, "watched") > before);
  expect(await progress()).toMatchObject({ phase: "done", inForce: 1 });
  expectStatus(await world.api.nrp.delete(connectionPath("watched", "pe1.g")), 202);
  // What happens within an instant is told at once: its beginning has to be told before it may end.
  await until("the beginning of the removal is told", async () => changed(events, "watched") > before + 1);
  await gate.catchUp();
  await until("the end of the removal is told", async () => {
    const gone = (await world.get("accounts/watched/connections/pe1.g", viewer)).status === 404;
    return gone && changed(events, "watched") > before + 2;
  });
  expect(events.flatMap(event => event.data.accounts ?? [])).not.toContain("other");
  await gate.sayGoodbye();
});

test("changes that commit out of order are all told", async () => {
  const viewer = newPerson("Viewer");
  await world.request("slow");
  await world.request("fast");
  await pass();
  for (const account of ["slow", "fast"]) world.azure.assign(viewer.oid, accountPath(account), READER);
  const { events } = await follow(viewer);
  await until("it is ready", async () => events.some(event => event.name === "ready"));
  await world.database.db.transaction().execute(async tx => {
    // An older transaction that is still open while a younger one is told of.
    await tx
      .insertInto("decisions")
      .values({
        ...{ account: "slow", subscription_id: "00000000-0000-0000-0000-000000000001", resource_group: "rg" },
        ...{ account_name: "slow", action: "update", from_state: "a", to_state: "b", via: "nrp", correlation_id: "c" },
        ...{ name_key: null, connection: null, comment: null, by_id: null, by_name: null, by_app: null },
      })
      .execute();
    await notify(tx, "changes");
    expectStatus(
      await world.api.nrp.put(proxyPath("fast", "pe1.g"), proxyBody("pe1.g", "manual", [nextLinkId()])),
      201,
    );
    await until("the younger one is told", async () => changed(events, "fast") === 1);
  });
  await until("the older one is told", async () => changed(events, "slow") === 1);
});

test("a new account is told, though nothing has been decided about it", async () => {
  const viewer = newPerson("Viewer");
  world.azure.assign(viewer.oid, `/subscriptions/${SUBSCRIPTION}`, READER);
  const { events } = await follow(viewer);
  await until("it is ready", async () => events.some(event => event.name === "ready"));
  await world.request("newcomer");
  await until("it is told", async () => changed(events, "newcomer") === 1);
  expectStatus(
    await world.api.customer.patch(accountPath("newcomer"), { properties: { publicNetworkAccess: "Disabled" } }),
    200,
  );
  await until("its change is told", async () => changed(events, "newcomer") === 2);
});

test("the stream ends with the token", async () => {
  const viewer = newPerson("Viewer");
  // The token is checked by a clock that stands still, so that it can't be over before it is looked at.
  await later(0, async () => {
    const { status, state, events } = await follow(viewer, { expires: 2 });
    expect(status).toBe(200);
    await until("it has ended", async () => state.hasEnded);
    expect(events.map(event => event.name)).toContain("ready");
  });
});

test("too many streams of one person are refused; a closed one makes room", async () => {
  const viewer = newPerson("Viewer");
  const streams = await Promise.all(Array.from({ length: 16 }, () => follow(viewer)));
  expect(streams.map(stream => stream.status)).toEqual(Array(16).fill(200));
  expect((await follow(viewer)).status).toBe(429);
  expect((await follow(newPerson("Another"))).status).toBe(200);
  streams[0]?.stream.destroy();
  await until("there is room again", async () => (await follow(viewer)).status === 200);
});

test("an api that stops ends its streams, and begins none", async () => {
  const viewer = newPerson("Viewer");
  const { state } = await follow(viewer);
  // What a newcomer may see is still being asked for.
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  world.azure.beforeList = () => {
    asked.resolve();
    return answer.promise;
  };
  const late = follow(newPerson("Latecomer"));
  await asked.promise;
  const restarted = world.api.restart();
  await until("it has ended", async () => state.hasEnded);
  answer.resolve();
  expect((await late).status).toBe(503);
  await restarted;
  await until("it has ended", async () => state.hasEnded);
  expect((await follow(viewer)).status).toBe(200);
});
