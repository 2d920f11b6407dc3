import { afterEach, describe, expect, test, vi } from "vitest";
import { call, callForFile, toPath } from "../src/api/client.ts";
import { Problem } from "../src/api/problem.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const getToken = async () => "secret";
/** Lets everything happen that waits for nothing. */
const settle = () => new Promise<void>(resolve => setImmediate(resolve));

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

describe("no answer in time", () => {
  /** What ends the time for an answer. */
  function holdTime() {
    const limit = new AbortController();
    const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(limit.signal);
    return { timeout, pass: () => limit.abort(new DOMException("too late", "TimeoutError")) };
  }

  /** As a browser's fetch: never answers, or never to the end, but ends with its signal. */
  function answerNever(response?: (signal: AbortSignal) => Response) {
    const fetch = vi.fn(
      (_url: string, { signal }: { signal: AbortSignal }) =>
        new Promise<Response>((resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          if (response !== undefined) resolve(response(signal));
        }),
    );
    vi.stubGlobal("fetch", fetch);
    return fetch;
  }

  const half = (signal: AbortSignal) =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('{"value": ['));
          signal.addEventListener("abort", () => controller.error(signal.reason));
        },
      }),
    );

  test.each([
    ["none at all", undefined],
    ["half of one", half],
  ])("%s is a problem without a status", async (_what, response) => {
    const { timeout, pass } = holdTime();
    const fetch = answerNever(response);
    const answers = [call(getToken, "/gates"), callForFile(getToken, "/history.csv")];
    const failed = Promise.all(answers.map(answer => expect(answer).rejects.toMatchObject({ code: "NoAnswer" })));
    await settle();
    expect(fetch).toHaveBeenCalledTimes(2);
    pass();
    await failed;
    expect(timeout).toHaveBeenCalledWith(30_000);
  });

  test("nor does a token that never comes keep a page waiting", async () => {
    const { pass } = holdTime();
    const fetch = answerNever();
    const answer = call(() => new Promise(() => undefined), "/gates");
    const failed = expect(answer).rejects.toMatchObject({ code: "NoAnswer" });
    pass();
    await failed;
    expect(fetch).not.toHaveBeenCalled();
  });

  test("Azure is given more time for a decision", async () => {
    const { timeout } = holdTime();
    answer(Response.json({ value: [] }));
    await call(getToken, "/decisions", { method: "POST", body: {} });
    expect(timeout).toHaveBeenCalledWith(120_000);
  });

  test("who no longer wants an answer is told no problem", async () => {
    const fetch = answerNever();
    const caller = new AbortController();
    const answer = call(getToken, "/gates", { signal: caller.signal });
    const failed = expect(answer).rejects.toThrow(/given up/);
    await settle();
    expect(fetch).toHaveBeenCalledOnce();
    caller.abort(new Error("given up"));
    await failed;
  });
});

test("an answer that breaks off is none; one that is not what was asked for is unexpected, whatever its status", async () => {
  answer(new Response(new ReadableStream({ pull: controller => controller.error(new TypeError("network error")) })));
  await expect(call(getToken, "/gates")).rejects.toMatchObject({ status: 0, code: "NoAnswer" });
  answer(new Response("<html>Sign in to this network</html>"));
  await expect(call(getToken, "/gates")).rejects.toMatchObject({ status: 200, code: "UnexpectedAnswer" });
});
