import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ERROR_STATUS, type ErrorCode } from "../../src/arm/errors.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Answer } from "../support/client.ts";
import {
  ACCOUNT_BODY,
  accountPath,
  connectionPath,
  createAccount,
  decisionBody,
  expectStatus,
  proxyBody,
  proxyPath,
} from "../support/documents.ts";
import { execute } from "../support/postgres.ts";
import { sendBytes } from "../support/raw.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi({ settings: { maxConnections: 3 } });
  // A gate that acknowledges nothing keeps the operation on `deleting` running.
  await api.gate().sweep();
  await createAccount(api.nrp, "errors");
  await createAccount(api.nrp, "full");
  await createAccount(api.nrp, "deleting");
  const put = async (account: string, name: string, kind: "manual" | "auto", links: number[]) =>
    expectStatus(await api.nrp.put(proxyPath(account, name), proxyBody(name, kind, links)), 201);
  await put("errors", "bare", "manual", []);
  await put("errors", "linked", "auto", [11]);
  await put("errors", "rejected", "manual", [12]);
  expectStatus(await api.nrp.put(connectionPath("errors", "rejected"), decisionBody("Rejected")), 200);
  for (const name of ["one", "two", "three"]) await put("full", name, "manual", []);
  expectStatus(await api.nrp.delete(accountPath("deleting")), 202);
});
afterAll(() => api.stop());

const TARGETS: Partial<Record<ErrorCode, string>> = {
  InvalidParameter: "$skipToken",
  InvalidRequestContent: "location",
  InvalidResourceName: "name",
  NameNotAvailable: "name",
  PropertyChangeNotAllowed: "kind",
};

/** One request for every code that a request can bring about while the database is there. */
const CALLS: Partial<Record<ErrorCode, () => Promise<Answer>>> = {
  MissingApiVersionParameter: () => api.nrp.get(accountPath("errors"), { apiVersion: null }),
  InvalidApiVersionParameter: () => api.nrp.get(accountPath("errors"), { apiVersion: "1" }),
  UnsupportedApiVersionValue: () => api.nrp.get(accountPath("errors"), { apiVersion: "2019-09-16" }),
  InvalidRequestUri: () => api.nrp.get("/subscriptions/%zz"),
  InvalidParameter: () => api.nrp.get(`${accountPath("")}?$skipToken=!`.replace("/?", "?")),
  InvalidRequestContent: () => api.nrp.put(accountPath("errors"), { kind: "fhir", location: 5 }),
  InvalidResourceName: () => api.nrp.put(accountPath("portal"), ACCOUNT_BODY),
  PropertyChangeNotAllowed: () => api.nrp.put(accountPath("errors"), { ...ACCOUNT_BODY, kind: "fhir" }),
  NotFound: () => api.nrp.get("/nowhere"),
  MethodNotAllowed: () => api.nrp.post(accountPath("errors"), {}),
  ResourceNotFound: () => api.nrp.get(accountPath("nobody")),
  Conflict: () => api.customer.get(proxyPath("errors", "linked")),
  NameNotAvailable: () => api.nrp.put(accountPath("errors", "another-subscription"), ACCOUNT_BODY),
  LinkIdInUse: () => api.nrp.put(proxyPath("full", "one"), proxyBody("one", "manual", [11])),
  LinkIdMissing: () => api.nrp.put(connectionPath("errors", "bare"), decisionBody("Approved")),
  InvalidStateTransition: () => api.nrp.put(connectionPath("errors", "rejected"), decisionBody("Approved")),
  AnotherOperationInProgress: () => api.nrp.put(accountPath("deleting"), ACCOUNT_BODY),
  QuotaExceeded: () => api.nrp.put(proxyPath("full", "four"), proxyBody("four", "manual")),
  PreconditionFailed: () => api.nrp.put(accountPath("errors"), ACCOUNT_BODY, { headers: { "if-match": '"other"' } }),
  RequestContentTooLarge: () => api.nrp.put(accountPath("errors"), "x".repeat(64 * 1024 + 1)),
  UnsupportedMediaType: () => api.nrp.put(accountPath("errors"), "<x/>", { headers: { "content-type": "text/xml" } }),
};

/** Codes with tests of their own: trust.test.ts, the two below, outage.test.ts and subscriptions/states.test.ts. */
const ELSEWHERE: ErrorCode[] = [
  "Forbidden",
  "InvalidSubscriptionState",
  "InternalServerError",
  "RequestHeaderFieldsTooLarge",
  "RequestTimeout",
  "ServiceUnavailable",
];

describe("every error code", () => {
  it("has a request here or a test elsewhere", () => {
    expect([...Object.keys(CALLS), ...ELSEWHERE].sort()).toEqual(Object.keys(ERROR_STATUS).sort());
  });

  it.each(Object.entries(CALLS))("%s has its status and ARM's shape", async (code, call) => {
    const answer = await call();
    expect(answer.body?.error.code, answer.text).toBe(code);
    expect(answer.status).toBe(ERROR_STATUS[code as ErrorCode]);
    expect(Object.keys(answer.body)).toEqual(["error"]);
    expect(answer.body.error.message).toMatch(/^[A-Z'$].*\.$/);
    expect(answer.body.error.target).toBe(TARGETS[code as ErrorCode]);
    expect(answer.headers["content-type"]).toMatch(/^application\/json/);
    expect(answer.headers["x-ms-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("tells the caller nothing of a fault of ours, and the log everything", async () => {
    await execute(api.databaseUrl, "alter table connections rename to hidden");
    const answer = await api.customer.get(accountPath("errors"));
    await execute(api.databaseUrl, "alter table hidden rename to connections");
    expect(answer).toMatchObject({ status: 500, body: { error: { code: "InternalServerError" } } });
    expect(answer.text).not.toMatch(/relation|connections"|select|node_modules/);
    const line = api.logged.find(entry => entry.includes(answer.headers["x-ms-request-id"] ?? "none"));
    expect(JSON.parse(line ?? "{}").err.stack).toContain('relation "connections" does not exist');
  });

  it.each([
    ["no HTTP at all", "hello\r\n\r\n", 400, "InvalidRequestContent"],
    ["headers without end", `GET / HTTP/1.1\r\nX: ${"x".repeat(70_000)}\r\n\r\n`, 431, "RequestHeaderFieldsTooLarge"],
  ])("answers %s in ARM's shape", async (_what, bytes, status, code) => {
    const text = await sendBytes(api, bytes);
    const [head = "", body = ""] = text.split("\r\n\r\n");
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toMatch(/x-ms-request-id: [0-9a-f-]{36}/);
    expect(JSON.parse(body).error.code).toBe(code);
  });
});

describe("a body that can't be read", () => {
  it.each<[string, string | Buffer, string]>([
    ["no JSON", "{", "not valid JSON"],
    ["no UTF-8", Buffer.from([0x22, 0xff, 0x22]), "not valid JSON in UTF-8"],
    ["empty", "", "no body"],
    ["null", "null", "must be an object"],
    ["an array", "[]", "must be an object"],
    ["no location", JSON.stringify({ kind: "fhir" }), "lacks 'location'"],
    ["an unknown kind", JSON.stringify({ kind: "dicom", location: "westus" }), "'kind'"],
    ["a nul", JSON.stringify({ ...ACCOUNT_BODY, tags: { a: "\0" } }), "can't be stored"],
    ["half a surrogate pair", JSON.stringify({ ...ACCOUNT_BODY, tags: { "\ud800": "a" } }), "can't be stored"],
    ["too deep", `{"a":${"[".repeat(30_000)}${"]".repeat(30_000)}}`, "nested too deeply"],
    [
      "a foreign provisioningState",
      JSON.stringify({ ...ACCOUNT_BODY, properties: { provisioningState: "Creating" } }),
      "can't be set",
    ],
  ])("%s is 400 and says what was wrong", async (_what, body, message) => {
    const answer = await api.nrp.call("PUT", accountPath("errors"), { body });
    expect(answer, answer.text).toMatchObject({ status: 400, body: { error: { code: "InvalidRequestContent" } } });
    expect(answer.body.error.message).toContain(message);
  });

  it("is looked at only after the resource", async () => {
    expect((await api.nrp.put(connectionPath("errors", "nobody"), "{")).status).toBe(404);
    expect((await api.nrp.put(proxyPath("nobody", "pe"), "{")).status).toBe(404);
    expect((await api.nrp.patch(accountPath("nobody"), "{")).status).toBe(404);
    expect((await api.nrp.post(`${proxyPath("nobody", "pe")}/validate`, "{")).status).toBe(404);
  });

  it("is looked at before the state", async () => {
    expect((await api.nrp.put(connectionPath("errors", "rejected"), {})).status).toBe(400);
    expect((await api.nrp.put(accountPath("deleting"), {})).status).toBe(400);
  });

  it("may be any JSON type with a charset", async () => {
    const headers = { "content-type": "Application/JSON; charset=utf-8" };
    expect((await api.nrp.put(accountPath("errors"), ACCOUNT_BODY, { headers })).status).toBe(200);
  });

  it("needs a Content-Type", async () => {
    const answer = await api.nrp.call("PUT", accountPath("errors"), { body: "{}", headers: { "content-type": "" } });
    expect(answer.body.error.code).toBe("UnsupportedMediaType");
  });
});

describe("a path that no resource can have", () => {
  it.each([
    accountPath("a%00b"),
    accountPath("a%2Fb"),
    accountPath("a%25b"),
    `/subscriptions/%00/providers/Microsoft.HealthcareApis/services`,
    connectionPath("errors", "a%0Ab"),
    connectionPath("errors", "x".repeat(400)),
  ])("%s is 404", async path => {
    expect((await api.customer.get(path)).status).toBe(404);
  });
});
