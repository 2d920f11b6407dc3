import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Answer, Headers } from "../support/client.ts";
import { ACCOUNT_BODY, accountPath, createAccount, expectStatus, proxyBody, proxyPath } from "../support/documents.ts";

/** What a header says; `own` is the etag of the resource that is there. */
type Condition = (own: string) => Headers;

const CONDITIONS: Record<string, Condition> = {
  none: () => ({}),
  "If-Match: (empty)": () => ({ "if-match": "" }),
  'If-Match: ""': () => ({ "if-match": '""' }),
  "If-Match: *": () => ({ "if-match": "*" }),
  "If-Match: its own": own => ({ "if-match": own }),
  "If-Match: its own, unquoted": own => ({ "if-match": own.replaceAll('"', "") }),
  "If-Match: its own among others": own => ({ "if-match": `"other", ${own}` }),
  "If-Match: its own, weak": own => ({ "if-match": `W/${own}` }),
  "If-Match: another": () => ({ "if-match": '"other"' }),
  "If-None-Match: *": () => ({ "if-none-match": "*" }),
  "If-None-Match: its own": own => ({ "if-none-match": own }),
  "If-None-Match: its own, weak": own => ({ "if-none-match": `W/${own}` }),
  "If-None-Match: another": () => ({ "if-none-match": '"other"' }),
  "both, and both hold": own => ({ "if-match": own, "if-none-match": '"other"' }),
  "both, and one does not": own => ({ "if-match": own, "if-none-match": "*" }),
};

/** ARM RPC, Addendum "ETags for Resources", written down a second time: [absent, exists]. */
const PUT: Record<string, [number, number]> = {
  none: [201, 200],
  "If-Match: (empty)": [201, 200],
  'If-Match: ""': [201, 200],
  "If-Match: *": [412, 200],
  "If-Match: its own": [412, 200],
  "If-Match: its own, unquoted": [412, 200],
  "If-Match: its own among others": [412, 200],
  "If-Match: its own, weak": [412, 412],
  "If-Match: another": [412, 412],
  "If-None-Match: *": [201, 412],
  "If-None-Match: its own": [201, 412],
  "If-None-Match: its own, weak": [201, 412],
  "If-None-Match: another": [201, 200],
  "both, and both hold": [412, 200],
  "both, and one does not": [412, 412],
};

/** A PATCH of what is absent is 404 and a DELETE 204, whatever they say; else they are as a PUT. */
const tables = (whenThere: number, whenAbsent: number): Record<string, [number, number]> =>
  Object.fromEntries(
    Object.entries(PUT).map(([name, [, there]]) => [name, [whenAbsent, there === 412 ? 412 : whenThere]]),
  );

const ABSENT_ETAG = '"0a1b2c3d-0000-0000-0000-000000000000"';

let api: TestApi;
let count = 0;

beforeAll(async () => {
  api = await startTestApi({ settings: { maxConnections: 1000 } });
  await createAccount(api.nrp, "owner");
});
afterAll(() => api.stop());

interface Kind {
  readonly what: string;
  path(name: string): string;
  body(name: string): object;
}

const KINDS: Kind[] = [
  { what: "an account", path: name => accountPath(name), body: () => ACCOUNT_BODY },
  { what: "a proxy", path: name => proxyPath("owner", name), body: name => proxyBody(name, "manual") },
];

describe.each(KINDS)("the etag of $what", ({ path, body }) => {
  const send = async (
    call: (name: string, headers: Headers) => Promise<Answer>,
    condition: Condition,
    exists: boolean,
  ): Promise<{ answer: Answer; name: string; before: string | undefined }> => {
    count += 1;
    const name = `etags${count}`;
    const created = exists ? expectStatus(await api.nrp.put(path(name), body(name)), 201) : undefined;
    const before = created?.headers.etag;
    return { answer: await call(name, condition(before ?? ABSENT_ETAG)), name, before };
  };

  it.each(Object.entries(PUT))("PUT, %s: %j", async (name, [absent, there]) => {
    const condition = CONDITIONS[name] as Condition;
    const put = (at: string, headers: Headers) => api.nrp.put(path(at), body(at), { headers });
    for (const [exists, status] of [
      [false, absent],
      [true, there],
    ] as const) {
      const { answer, name: at, before } = await send(put, condition, exists);
      expect(answer.status, exists ? "exists" : "absent").toBe(status);
      if (status === 412) expect(answer.body.error.code).toBe("PreconditionFailed");
      const after = await api.nrp.get(path(at));
      expect(after.status).toBe(!exists && status === 412 ? 404 : 200);
      if (exists) expect(after.headers.etag).toBe(before);
    }
  });

  it.each(Object.entries(tables(202, 204)))("DELETE, %s: %j", async (name, [absent, there]) => {
    const condition = CONDITIONS[name] as Condition;
    const gate = api.gate();
    await gate.sweep();
    const remove = (at: string, headers: Headers) => api.nrp.delete(path(at), { headers });
    expect((await send(remove, condition, false)).answer.status).toBe(absent);
    const { answer, name: at } = await send(remove, condition, true);
    expect(answer.status).toBe(there);
    const { body: after } = await api.nrp.get(path(at));
    expect(after.properties.provisioningState).toBe(there === 412 ? "Succeeded" : "Deleting");
    await gate.sayGoodbye();
  });
});

describe("the etag of an account", () => {
  it.each(Object.entries(tables(200, 404)))("PATCH, %s: %j", async (name, [absent, there]) => {
    const condition = CONDITIONS[name] as Condition;
    count += 1;
    const path = accountPath(`patch${count}`);
    const patch = (own: string) => api.nrp.patch(path, { tags: { a: "1" } }, { headers: condition(own) });
    expect((await patch(ABSENT_ETAG)).status).toBe(absent);
    const { headers } = expectStatus(await api.nrp.put(path, ACCOUNT_BODY), 201);
    expect((await patch(headers.etag ?? "")).status).toBe(there);
    expect((await api.nrp.get(path)).body.tags).toEqual(there === 412 ? {} : { a: "1" });
  });

  it("is the same in the body and in the header, new with every change and only then", async () => {
    const path = accountPath("etag-moves");
    const created = expectStatus(await api.nrp.put(path, ACCOUNT_BODY), 201);
    expect(created.headers.etag).toBe(created.body.etag);
    expect((await api.nrp.put(path, ACCOUNT_BODY)).headers.etag).toBe(created.headers.etag);
    const changed = await api.nrp.put(path, { ...ACCOUNT_BODY, tags: { a: "1" } });
    expect(changed.headers.etag).not.toBe(created.headers.etag);
    const stale = { headers: { "if-match": created.headers.etag ?? "" } };
    expect((await api.nrp.put(path, ACCOUNT_BODY, stale)).status).toBe(412);
  });
});
