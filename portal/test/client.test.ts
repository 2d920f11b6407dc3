import { afterEach, expect, test, vi } from "vitest";
import { call, toPath } from "../src/api/client.ts";
import { Problem } from "../src/api/problem.ts";

afterEach(() => vi.unstubAllGlobals());

const getToken = async () => "secret";

function answer(response: Response) {
  const fetch = vi.fn(async (_url: string, _options: RequestInit) => response);
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

test("the token goes in the header, a list is repeated, nothing that is undefined goes at all", async () => {
  const fetch = answer(Response.json({ value: [] }));
  await call(getToken, "/connections", { query: { state: ["Pending", "Approved"], search: undefined, limit: 5 } });
  const [url, options] = fetch.mock.calls[0] ?? [];
  expect(url).toBe("/admin/v1/connections?state=Pending&state=Approved&limit=5");
  expect(new Headers(options?.headers).get("authorization")).toBe("Bearer secret");
  expect(options).toMatchObject({ credentials: "omit", redirect: "error" });
});

test("a refusal is a problem with code, message and correlation id", async () => {
  answer(
    Response.json({ error: { code: "NotFound", message: "no such account", correlationId: "c1" } }, { status: 404 }),
  );
  await expect(call(getToken, "/accounts/x")).rejects.toMatchObject({
    status: 404,
    code: "NotFound",
    correlationId: "c1",
  });
});

test("an answer of somebody in between is a problem too, and its page is not shown", async () => {
  const headers = { "x-correlation-id": "c2" };
  answer(new Response("<html>Bad gateway</html>", { status: 502, headers }));
  const problem = await call(getToken, "/gates").catch((error: unknown) => error);
  expect(problem).toBeInstanceOf(Problem);
  expect(problem).toMatchObject({ status: 502, code: "UnexpectedAnswer", correlationId: "c2" });
});

test("no answer is a problem without a status", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await expect(call(getToken, "/gates")).rejects.toMatchObject({ status: 0, code: "NoAnswer" });
});

test("a name can not lead to another path", () => {
  expect(toPath("a/../b", "c?d#e")).toBe("/a%2F..%2Fb/c%3Fd%23e");
});
