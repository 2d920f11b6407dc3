import pg from "pg";
import { describe, expect, it } from "vitest";
import { CONTRACT_BREACH } from "../../src/contract/answers.ts";
import { contract } from "../../src/contract/contract.ts";
import { startTestApi } from "../support/api.ts";
import { accountPath, createAccount } from "../support/documents.ts";

const account = contract.operation("Services_CreateOrUpdate");
const connection = contract.operation("PrivateEndpointConnections_CreateOrUpdate");
const proxy = contract.operation("PrivateEndpointConnectionProxies_CreateOrUpdate");
const whole = { kind: "fhir", location: "westus2" };

describe("a body", () => {
  it.each([
    ["no object", account, "text", "", "The body must be an object."],
    ["a missing member", account, { kind: "fhir" }, "", "The body lacks 'location'."],
    ["a wrong type", account, { ...whole, tags: { a: 1 } }, "tags/a", "'tags/a' must be a string."],
    [
      "an unknown value",
      account,
      { ...whole, kind: "x" },
      "kind",
      "'kind' must be one of 'fhir', 'fhir-Stu3', 'fhir-R4'.",
    ],
    [
      "too long a name",
      account,
      { ...whole, tags: { ["n".repeat(513)]: "" } },
      "tags",
      /^A name in 'tags' must not have more than 512/,
    ],
    [
      "a name with a slash",
      account,
      { ...whole, tags: { "a/b~c": 1 } },
      "tags/a/b~c",
      "'tags/a/b~c' must be a string.",
    ],
    [
      "too many tags",
      account,
      { ...whole, tags: Object.fromEntries([...Array(51).keys()].map(n => [n, ""])) },
      "tags",
      /51|50/,
    ],
    [
      "an item of a list",
      proxy,
      { remotePrivateEndpoint: { id: "/x", manualPrivateLinkServiceConnections: [{}] } },
      "remotePrivateEndpoint/manualPrivateLinkServiceConnections/0",
      "'remotePrivateEndpoint/manualPrivateLinkServiceConnections/0' lacks 'groupIds'.",
    ],
    [
      "a long comment",
      connection,
      { properties: { privateLinkServiceConnectionState: { status: "Rejected", description: "x".repeat(2049) } } },
      "properties/privateLinkServiceConnectionState/description",
      /must not have more than 2048 characters/,
    ],
  ])("with %s is refused by naming it", (_what, operation, body, target, message) => {
    const problem = operation.validateBody(body);
    expect(problem).toMatchObject({ target });
    expect(problem?.message).toMatch(message);
  });

  it.each([
    ["members nobody described", account, { ...whole, surprise: 1, properties: { accessPolicies: [{}] } }],
    [
      "whatever is read-only",
      account,
      { ...whole, id: 1, systemData: [], properties: { privateEndpointConnections: "x" } },
    ],
    [
      "a comment that was not given",
      connection,
      { properties: { privateLinkServiceConnectionState: { status: "Approved", description: null } } },
    ],
    ["NRP's payload under properties", proxy, { properties: { remotePrivateEndpoint: { id: "/x", new: true } } }],
  ])("may have %s", (_what, operation, body) => {
    expect(operation.validateBody(body)).toBeUndefined();
  });
});

describe("an answer", () => {
  it.each([
    ["a status that is not listed", 202, undefined, "The status 202 is not in the contract."],
    ["a member that is not described", 200, { ...whole, surprise: 1 }, "The answer must not have 'surprise'."],
    ["no body where one is due", 200, undefined, "The answer must be an object."],
    ["half an error", 409, { error: { code: "Conflict" } }, "'error' lacks 'message'."],
  ])("with %s breaks the contract", (_what, status, body, message) => {
    expect(account.validateResponse(status, body)?.message).toBe(message);
  });

  it("that breaks it goes out as it is, is an error in the log, and fails the test that met it", async () => {
    const api = await startTestApi();
    await createAccount(api.nrp, "breach");
    const database = new pg.Client({ connectionString: api.databaseUrl });
    await database.connect();
    await database.query("update accounts set kind = 'unheard-of'");
    await database.end();
    expect(await api.nrp.get(accountPath("breach"))).toMatchObject({ status: 200, body: { kind: "unheard-of" } });
    const lines = api.logged.map(line => JSON.parse(line)).filter(({ msg }) => msg === CONTRACT_BREACH);
    expect(lines).toMatchObject([{ level: 50, operation: "Services_Get", status: 200, problem: { target: "kind" } }]);
    expect(lines[0].correlationId).toBeTypeOf("string");
    await expect(api.stop()).rejects.toThrow(CONTRACT_BREACH);
  });
});
