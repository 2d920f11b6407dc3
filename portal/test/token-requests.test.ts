import { afterEach, expect, test, vi } from "vitest";
import { tokenRequests } from "../src/session/token-requests.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const URL = "https://login.example/token";

test("MSAL's requests go out as they are, and their answers come back whole, refusals included", async () => {
  const refusal = Response.json({ error: "invalid_grant" }, { status: 400, headers: { "x-ms-request-id": "r1" } });
  const fetch = vi.fn(async (_url: string, _options: RequestInit) => refusal);
  vi.stubGlobal("fetch", fetch);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  expect(await tokenRequests.sendPostRequestAsync(URL, { headers, body: "grant_type=refresh_token" })).toMatchObject({
    status: 400,
    body: { error: "invalid_grant" },
    headers: { "x-ms-request-id": "r1" },
  });
  expect(fetch.mock.calls[0]).toMatchObject([URL, { method: "POST", headers, body: "grant_type=refresh_token" }]);
});

test("one that is never answered ends", async () => {
  const limit = new AbortController();
  const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(limit.signal);
  vi.stubGlobal(
    "fetch",
    (_url: string, { signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
  const failed = expect(tokenRequests.sendGetRequestAsync(URL)).rejects.toThrow(/too late/);
  limit.abort(new Error("too late"));
  await failed;
  expect(timeout).toHaveBeenCalledWith(20_000);
});
