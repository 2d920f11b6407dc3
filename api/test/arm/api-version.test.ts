import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_VERSIONS } from "../../src/arm/api-version.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { accountPath, createAccount } from "../support/documents.ts";
import { fillIn, listRoutes } from "../support/routes.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
  await createAccount(api.nrp, "versions");
});
afterAll(() => api.stop());

describe("api-version", () => {
  it("answers every version that a client in use sends, alike", async () => {
    const [first, ...others] = await Promise.all(
      API_VERSIONS.map(apiVersion => api.customer.get(accountPath("versions"), { apiVersion })),
    );
    expect(API_VERSIONS).toEqual(
      expect.arrayContaining(["2020-03-30", "2021-11-01", "2022-12-01", "2023-11-01", "2024-03-31"]),
    );
    expect(first?.status).toBe(200);
    for (const other of others) expect(other.body).toEqual(first?.body);
  });

  it.each([
    ["", "MissingApiVersionParameter"],
    ["?api-version=", "MissingApiVersionParameter"],
    ["?apiversion=2024-03-31", "MissingApiVersionParameter"],
    ["?api-version=latest", "InvalidApiVersionParameter"],
    ["?api-version=2024-3-31", "InvalidApiVersionParameter"],
    ["?api-version=2024-03-31-final", "InvalidApiVersionParameter"],
    ["?api-version=2024-03-31&api-version=2024-03-31", "InvalidApiVersionParameter"],
    ["?api-version=2024-03-31&API-VERSION=2024-03-31", "InvalidApiVersionParameter"],
    ["?api-version[]=2024-03-31", "MissingApiVersionParameter"],
    ["?api-version=%202024-03-31", "InvalidApiVersionParameter"],
    ["?api-version=2.0", "InvalidApiVersionParameter"],
    ["?api-version=2020-03-15", "UnsupportedApiVersionValue"],
    ["?api-version=2025-04-01-preview", "UnsupportedApiVersionValue"],
    ["?api-version=2024-03-31-preview", "UnsupportedApiVersionValue"],
  ])("%s is 400 %s", async (query, code) => {
    const answer = await api.customer.get(`${accountPath("versions")}${query}`, { apiVersion: null });
    expect(answer).toMatchObject({ status: 400, body: { error: { code } } });
  });

  it("finds the parameter whatever the case of its name", async () => {
    const answer = await api.customer.get(`${accountPath("versions")}?API-Version=2024-03-31`, { apiVersion: null });
    expect(answer.status).toBe(200);
  });

  it("is asked for on every route, and where there is none", async () => {
    for (const { method, path } of await listRoutes()) {
      const answer = await api.nrp.call(method, fillIn(path), { apiVersion: null });
      expect(answer.body.error.code, `${method} ${path}`).toBe("MissingApiVersionParameter");
    }
    expect((await api.nrp.get("/nowhere", { apiVersion: null })).status).toBe(400);
    expect((await api.nrp.get("/nowhere")).body.error.code).toBe("NotFound");
  });
});
