import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { accountPath, connectionPath, decisionBody, expectStatus, SUBSCRIPTION } from "../support/documents.ts";
import { until } from "../support/until.ts";
import { agingByHand } from "./support/clock.ts";
import { DATA_ADMIN, newPerson, READER, World } from "./support/world.ts";

let world: World;
let [ada, rita, bob] = drawPeople();

/** New ones for each test: what ARM says of people is believed for a minute. */
function drawPeople() {
  return [newPerson("Ada"), newPerson("Rita"), newPerson("Bob")] as const;
}

beforeAll(async () => {
  world = await World.start();
});
beforeEach(() => {
  [ada, rita, bob] = drawPeople();
});
afterAll(() => world.stop());

async function give(account: string): Promise<void> {
  world.azure.assign(ada.oid, accountPath(account), DATA_ADMIN);
  world.azure.assign(rita.oid, accountPath(account), READER);
}

test("approve, in force, remove: ARM is asked in the admin's name, and the history has who and why", async () => {
  await world.request("journey", "PE1.g");
  await give("journey");
  const gate = world.api.gate();
  await gate.catchUp();
  const target = { account: "journey", name: "pe1.g" };
  const path = "accounts/journey/connections/pe1.g";

  const approved = await world.decide(ada, "approve", [target], "it is our partner's");
  expect(approved.status).toBe(200);
  const { correlationId } = approved.body;
  expect(approved.headers["x-correlation-id"]).toBe(correlationId);
  expect(approved.body.value).toMatchObject([
    {
      ...{ account: "journey", name: "pe1.g", outcome: "accepted" },
      connection: {
        ...{ state: "Approved", description: "it is our partner's", requestMessage: "Please approve." },
        ...{ privateAddresses: ["10.1.1.4"], rights: { approve: true, remove: true } },
        progress: { phase: "spreading", gates: 1, inForce: 0, waitingFor: ["test"] },
      },
    },
  ]);
  const put = world.azure.calls.find(call => call.method === "PUT");
  expect(put).toMatchObject({ oid: ada.oid, correlationId, path: connectionPath("journey", "PE1.g") });
  await gate.catchUp();
  expect((await world.get(path, ada)).body.progress).toEqual({ phase: "done", gates: 1, inForce: 1, waitingFor: [] });

  const removed = await world.decide(ada, "remove", [target], "the contract has ended");
  expect(removed.body.value).toMatchObject([
    {
      outcome: "accepted",
      connection: {
        state: "Disconnected",
        provisioningState: "Deleting",
        progress: { phase: "spreading", waitingFor: ["test"], operation: { kind: "connection-delete" } },
        lastDecision: { action: "remove", comment: "the contract has ended", via: "portal" },
      },
    },
  ]);
  await gate.catchUp();
  await until("the connection is gone", async () => (await world.get(path, ada)).status === 404);

  const history = await world.get("history?account=journey", rita);
  const by = { objectId: ada.oid, name: "Ada", appId: "the-portal" };
  expect(history.body.value).toMatchObject([
    { action: "remove", from: "Approved", to: "Disconnected", via: "portal", by, comment: "the contract has ended" },
    {
      action: "approve",
      from: "Pending",
      to: "Approved",
      via: "portal",
      by,
      comment: "it is our partner's",
      correlationId,
    },
    { action: "request", from: "Absent", to: "Pending", via: "nrp", comment: "Please approve." },
  ]);
  await gate.sayGoodbye();
});

test("with ARM's no nothing happens, and its words are passed on", async () => {
  await world.request("refused", "pe1.g");
  await give("refused");
  const target = { account: "refused", name: "pe1.g" };
  for (const action of ["approve", "reject", "remove"]) {
    const { status, body } = await world.decide(rita, action, [target], "let me");
    expect(status).toBe(200);
    expect(body.value).toMatchObject([
      {
        outcome: "refused",
        error: { code: "AuthorizationFailed", message: expect.stringContaining(rita.oid) },
        connection: { state: "Pending", rights: { approve: false, remove: false } },
      },
    ]);
  }
  expect((await world.get("history?account=refused", rita)).body.value).toHaveLength(1);
});

test("what somebody may not read is as absent as what is not there, and ARM is not asked to write", async () => {
  await world.request("foreign", "pe1.g");
  world.azure.calls.length = 0;
  const targets = [
    { account: "foreign", name: "pe1.g" },
    { account: "foreign", name: "pe2.g" },
    { account: "nobody", name: "pe1.g" },
  ];
  const { body } = await world.decide(bob, "approve", targets);
  const errors = body.value.map(({ account: _a, name: _n, ...rest }: Record<string, unknown>) => rest);
  expect(errors).toEqual(
    Array(3).fill({ outcome: "refused", error: { code: "NotFound", message: expect.any(String) } }),
  );
  expect(new Set(errors.map((each: object) => JSON.stringify(each))).size).toBe(1);
  expect(world.azure.calls.filter(call => call.method !== "GET")).toEqual([]);
});

test("several at once have a result each: one conflict spoils no other", async () => {
  await world.request("several", "pe1.g", "pe2.g", "pe3.g", "pe4.g");
  await give("several");
  expectStatus(await world.api.nrp.put(connectionPath("several", "pe2.g"), decisionBody("Rejected")), 200);
  const seen = (await world.get("accounts/several/connections/pe4.g", ada)).body.etag;
  expectStatus(await world.api.nrp.put(connectionPath("several", "pe4.g"), decisionBody("Approved", "by hand")), 200);
  const target = (name: string) => ({ account: "several", name });
  const targets = [target("pe1.g"), target("pe2.g"), target("pe3.g"), { ...target("pe4.g"), etag: seen }];
  const { body } = await world.decide(ada, "approve", targets, "all of them");
  expect(body.value).toMatchObject([
    { name: "pe1.g", outcome: "accepted", connection: { state: "Approved" } },
    {
      ...{ name: "pe2.g", outcome: "refused", error: { code: "InvalidStateTransition" } },
      connection: { state: "Rejected", lastDecision: { via: "nrp" } },
    },
    { name: "pe3.g", outcome: "accepted", connection: { state: "Approved" } },
    { name: "pe4.g", outcome: "refused", error: { code: "Changed" }, connection: { description: "by hand" } },
  ]);
});

test("two admins at once: both are told the truth, one change is made, and it is put down to one of them", async () => {
  await world.request("rivals", "pe1.g");
  await give("rivals");
  world.azure.assign(bob.oid, accountPath("rivals"), DATA_ADMIN);
  const target = { account: "rivals", name: "pe1.g" };
  const [approve, reject] = await Promise.all([
    world.decide(ada, "approve", [target], "yes"),
    world.decide(bob, "reject", [target], "no"),
  ]);
  const { value } = (await world.get("history?account=rivals", ada)).body;
  const [last] = value;
  const outcomes = [approve.body.value[0].outcome, reject.body.value[0].outcome];
  if (last.to === "Approved") throw new Error("an approval can be withdrawn, so a rejection always comes through");
  expect(last).toMatchObject({ action: "reject", comment: "no", by: { objectId: bob.oid }, via: "portal" });
  expect(outcomes[1]).toBe("accepted");
  expect(outcomes[0]).toBe(
    value.some((each: { action: string }) => each.action === "approve") ? "accepted" : "refused",
  );
});

test("an unknown outcome is called unknown, and what came of it is still put down to the admin", async () => {
  await world.request("lost-answer", "pe1.g");
  await give("lost-answer");
  const target = { account: "lost-answer", name: "pe1.g" };
  // ARM carries it out, and its answer is lost.
  world.azure.beforeWrite = async ({ correlationId }) => {
    await world.api.nrp.put(connectionPath("lost-answer", "pe1.g"), decisionBody("Approved", "fine"), {
      headers: { "x-ms-correlation-request-id": correlationId },
    });
    world.azure.answerWrite = { status: 504, body: { error: { code: "GatewayTimeout", message: "too late" } } };
  };
  const { body } = await world.decide(ada, "approve", [target], "fine");
  world.azure.beforeWrite = undefined;
  world.azure.answerWrite = undefined;
  expect(body.value).toMatchObject([
    {
      ...{ outcome: "unknown", error: { code: "GatewayTimeout" } },
      connection: { state: "Approved", lastDecision: { via: "portal", by: { name: "Ada" } } },
    },
  ]);
});

test.each([
  // It never ends: whoever waited for that would never be answered.
  ["is not waited for for long", { status: "InProgress" }, { outcome: "accepted" }],
  [
    "that has failed is told of",
    { status: "Failed", error: { code: "NoRoom", message: "there is no room" } },
    { outcome: "refused", error: { code: "NoRoom", message: "there is no room" } },
  ],
])("after ARM has said yes, an operation of its own %s", async (_, status, result) => {
  const account = `operation-${result.outcome}`;
  await world.request(account, "pe1.g");
  await give(account);
  const operation = `${world.azure.url}/subscriptions/x/operationresults/y`;
  world.azure.answerWrite = { status: 200, body: {}, headers: { "azure-asyncoperation": operation } };
  world.azure.answerOperation = status;
  const { body } = await world.decide(ada, "approve", [{ account, name: "pe1.g" }]);
  world.azure.answerWrite = undefined;
  world.azure.answerOperation = undefined;
  expect(body.value).toMatchObject([{ ...result, connection: { state: "Pending" } }]);
});

test("a token is never sent anywhere but to ARM", async () => {
  await world.request("lured", "pe1.g");
  await give("lured");
  world.azure.answerWrite = { status: 200, body: {}, headers: { "azure-asyncoperation": `${world.entra.url}/catch` } };
  const { body } = await world.decide(ada, "approve", [{ account: "lured", name: "pe1.g" }]);
  world.azure.answerWrite = undefined;
  expect(body.value).toMatchObject([{ outcome: "accepted" }]);
  expect(world.entra.strayTokens).toEqual([]);
});

test.each([
  ["no comment", { action: "reject", connections: [{ account: "a", name: "b" }] }, "CommentMissing"],
  ["a blank one", { action: "remove", comment: " \n ", connections: [{ account: "a", name: "b" }] }, "CommentMissing"],
  ["no connections", { action: "approve", connections: [] }, "BadRequest"],
  ["too many", { action: "approve", connections: Array(51).fill({ account: "a", name: "b" }) }, "BadRequest"],
  [
    "one twice",
    {
      action: "approve",
      connections: [
        { account: "a", name: "b" },
        { account: "A", name: "B" },
      ],
    },
    "BadRequest",
  ],
  ["an unknown action", { action: "own", connections: [{ account: "a", name: "b" }] }, "BadRequest"],
  ["a nul in a name", { action: "approve", connections: [{ account: "a", name: "b\0" }] }, "BadRequest"],
  ["half a surrogate pair", { action: "approve", connections: [{ account: "a\ud800", name: "b" }] }, "BadRequest"],
  [
    "an escape in the comment",
    { action: "approve", comment: "\u001b[2J", connections: [{ account: "a", name: "b" }] },
    "BadRequest",
  ],
  [
    "a comment that is too long",
    { action: "approve", comment: "x".repeat(1001), connections: [{ account: "a", name: "b" }] },
    "BadRequest",
  ],
  ["no object", [], "BadRequest"],
  ["no JSON", "{", "BadRequest"],
])("400 for %s", async (_, body, code) => {
  const answer = await world.call("POST", "decisions", await world.entra.person(ada), body);
  expect(answer).toMatchObject({ status: 400, body: { error: { code } } });
});

test("413 for a body that is too large", async () => {
  const token = await world.entra.person(ada);
  expect((await world.call("POST", "decisions", token, `"${"x".repeat(70_000)}"`)).status).toBe(413);
});

test("hostile names and comments stay text, all the way", async () => {
  await world.request("hostile", "pe1.g");
  await give("hostile");
  const comment = `=HYPERLINK("http://evil")\n<script>alert(1)</script> ' -- \u202e`;
  const { body } = await world.decide(ada, "approve", [{ account: "hostile", name: "pe1.g" }], comment);
  expect(body.value[0]).toMatchObject({ outcome: "accepted", connection: { description: comment } });
  const found = await world.get(`connections?search=${encodeURIComponent("' or 1=1 --%_\\")}`, ada);
  expect(found.body.value).toEqual([]);
  const csv = await world.get("history.csv?account=hostile", ada);
  expect(csv.headers["content-type"]).toMatch(/^text\/csv/);
  expect(csv.headers["content-disposition"]).toContain("attachment");
  expect(csv.text).toContain(`"'=HYPERLINK(""http://evil"")`);
});

test("a person has so many decisions a minute, and one more is refused before anything is asked", async () => {
  const nobody = Array.from({ length: 50 }, (_, n) => ({ account: "nobody", name: `pe-${n}` }));
  await agingByHand(async moveTo => {
    for (let n = 0; n < 6; n++) expect((await world.decide(bob, "approve", nobody)).status).toBe(200);
    moveTo(59);
    expect(await world.decide(bob, "approve", nobody.slice(0, 1))).toMatchObject({
      status: 429,
      body: { error: { code: "TooManyDecisions" } },
    });
    expect((await world.decide(ada, "approve", nobody.slice(0, 1))).status).toBe(200);
    moveTo(61);
    expect((await world.decide(bob, "approve", nobody.slice(0, 1))).status).toBe(200);
  });
});

test("history outlives its account for who may still read where it was, and for nobody else", async () => {
  await world.request("ended", "pe1.g");
  await give("ended");
  expectStatus(await world.api.customer.delete(accountPath("ended")), 202);
  await until("the account is gone", async () => (await world.api.customer.get(accountPath("ended"))).status === 404);
  expect((await world.get("accounts/ended", ada)).status).toBe(404);
  expect((await world.get("history?account=ended", ada)).body.value).toEqual([]);
  world.azure.assign(rita.oid, `/subscriptions/${SUBSCRIPTION}`, READER);
  expect((await world.get("history?account=ended", rita)).body.value).toMatchObject([
    { action: "remove", to: "Disconnected", via: "arm" },
    { action: "delete-account", to: "Absent", via: "arm" },
    { action: "request" },
  ]);
});
