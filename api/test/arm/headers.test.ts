import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApi, type TestApi } from "../support/api.ts";
import { accountPath, connectionPath, createAccount, proxyBody, proxyPath } from "../support/documents.ts";
import { until } from "../support/until.ts";

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
  await createAccount(api.nrp, "headers");
});
afterAll(() => api.stop());

describe("headers of an answer", () => {
  it("carries a request id of its own on every answer, good or bad", async () => {
    const answers = await Promise.all([
      api.nrp.get(accountPath("headers")),
      api.nrp.get(accountPath("headers")),
      api.nrp.get(accountPath("nobody")),
      api.nrp.get("/nowhere"),
      api.nrp.get("/%zz"),
      api.nrp.delete(accountPath("nobody")),
    ]);
    const ids = answers.map(answer => answer.headers["x-ms-request-id"]);
    for (const id of ids) expect(id).toMatch(GUID);
    for (const answer of answers) expect(answer.headers["x-ms-correlation-request-id"]).toMatch(GUID);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("returns ARM's correlation id, or makes one", async () => {
    const given = "11111111-2222-3333-4444-555555555555";
    const headers = { "x-ms-correlation-request-id": given };
    expect((await api.nrp.get(accountPath("headers"), { headers })).headers["x-ms-correlation-request-id"]).toBe(given);
    expect((await api.nrp.get(accountPath("headers"))).headers["x-ms-correlation-request-id"]).toMatch(GUID);
    const junk = { "x-ms-correlation-request-id": "x".repeat(500) };
    const answer = await api.nrp.get(accountPath("headers"), { headers: junk });
    expect(answer.headers["x-ms-correlation-request-id"]).toMatch(GUID);
  });

  it("returns the client's request id only when asked", async () => {
    const id = { "x-ms-client-request-id": "mine" };
    const asked = { ...id, "x-ms-return-client-request-id": "True" };
    const refused = { ...id, "x-ms-return-client-request-id": "false" };
    const read = async (headers: Record<string, string>) =>
      (await api.nrp.get(accountPath("headers"), { headers })).headers["x-ms-client-request-id"];
    expect(await read(asked)).toBe("mine");
    expect(await read(refused)).toBeUndefined();
    expect(await read(id)).toBeUndefined();
    const failed = await api.nrp.get("/%zz", { headers: asked });
    expect([failed.status, failed.headers["x-ms-client-request-id"]]).toEqual([400, "mine"]);
  });

  it("logs one line a request, with both ids and without the query", async () => {
    const headers = { "x-ms-correlation-request-id": "find-me", "x-ms-client-request-id": "client-id" };
    const answer = await api.nrp.get(`${accountPath("headers")}?secret=1`, { headers });
    const findLines = () => api.logged.filter(line => line.includes("find-me"));
    await until("the line, which is written when the answer is out", () => findLines().length > 0);
    const lines = findLines();
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "{}")).toMatchObject({
      status: 200,
      path: accountPath("headers"),
      correlationId: "find-me",
      clientRequestId: "client-id",
      requestId: answer.headers["x-ms-request-id"],
    });
    expect(lines[0]).not.toContain("secret");
  });
});

describe("systemData", () => {
  const by = (who: string, when: string) => ({
    "x-ms-arm-resource-system-data": JSON.stringify({
      createdBy: who,
      createdByType: "User",
      createdAt: when,
      lastModifiedBy: who,
      lastModifiedByType: "User",
      lastModifiedAt: when,
      unknown: "x",
    }),
  });

  it("keeps who created a resource and updates who changed it", async () => {
    const path = accountPath("written");
    await api.nrp.put(path, { kind: "fhir", location: "westus" }, { headers: by("ann", "2026-01-01T00:00:00Z") });
    const tagged = { kind: "fhir", location: "westus", tags: { a: "b" } };
    const { body } = await api.nrp.put(path, tagged, { headers: by("bob", "2026-02-02T00:00:00Z") });
    expect(body.systemData).toEqual({
      createdBy: "ann",
      createdByType: "User",
      createdAt: "2026-01-01T00:00:00Z",
      lastModifiedBy: "bob",
      lastModifiedByType: "User",
      lastModifiedAt: "2026-02-02T00:00:00Z",
    });
  });

  it("is shown on connections and proxies, and is left out when ARM sent none", async () => {
    await api.nrp.put(proxyPath("headers", "pe"), proxyBody("pe", "manual"), {
      headers: by("nrp", "2026-01-01T00:00:00Z"),
    });
    expect((await api.nrp.get(proxyPath("headers", "pe"))).body.systemData.createdBy).toBe("nrp");
    expect((await api.nrp.get(connectionPath("headers", "pe"))).body.systemData.createdBy).toBe("nrp");
    expect((await api.nrp.get(accountPath("headers"))).body).not.toHaveProperty("systemData");
  });

  it("leaves out a time that is none", async () => {
    const path = accountPath("undated");
    const body = { kind: "fhir", location: "westus" };
    const headers = by("ann", "yesterday");
    expect((await api.nrp.put(path, body, { headers })).body.systemData).toEqual({
      createdBy: "ann",
      createdByType: "User",
      lastModifiedBy: "ann",
      lastModifiedByType: "User",
    });
    const dated = by("bob", "2026-02-02T00:00:00.1234567Z");
    const { systemData } = (await api.nrp.put(path, { ...body, tags: { a: "b" } }, { headers: dated })).body;
    expect(systemData.lastModifiedAt).toBe("2026-02-02T00:00:00.1234567Z");
  });

  it("survives a garbled header", async () => {
    const headers = { "x-ms-arm-resource-system-data": "{" };
    const body = { kind: "fhir", location: "westus" };
    expect((await api.nrp.put(accountPath("garbled"), body, { headers })).status).toBe(201);
  });
});
