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
} from "../support/documents.ts";
import { until } from "../support/until.ts";
import type { Person, TokenOptions } from "./support/entra.ts";
import { newPerson, READER, World } from "./support/world.ts";

let world: World;
const open: { destroy(): void }[] = [];

beforeAll(async () => {
  world = await World.start();
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

const changed = (events: readonly Event[], account: string) =>
  events.filter(event => event.name === "changed" && event.data.accounts?.includes(account)).length;

test("a request, a decision and its way to the gates are told as they happen, of the caller's accounts alone", async () => {
  const viewer = newPerson("Viewer");
  await world.request("watched");
  await world.request("other");
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
  await until("that it is on its way has been seen", async () => changed(events, "watched") >= 2);
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

test("the stream ends with the token", async () => {
  const viewer = newPerson("Viewer");
  const { status, state, events } = await follow(viewer, { expires: 4 });
  expect(status).toBe(200);
  await until("it has ended", async () => state.hasEnded);
  expect(events.map(event => event.name)).toContain("ready");
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

test("an api that stops ends its streams", async () => {
  const viewer = newPerson("Viewer");
  const { state } = await follow(viewer);
  await world.api.restart();
  await until("it has ended", async () => state.hasEnded);
  expect((await follow(viewer)).status).toBe(200);
});
