// @vitest-environment jsdom
import { MutationObserver, onlineManager, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem } from "../src/api/problem.ts";
import { createQueryClient } from "../src/api/queries.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  onlineManager.setOnline(true);
});

const MINUTE = 60_000;

/** Something that is shown from now on. @param read gives what is read */
function show(read: () => Promise<string>) {
  const observer = new QueryObserver<string>(createQueryClient(), { queryKey: ["list"], queryFn: read });
  observer.subscribe(() => undefined);
  return observer;
}

test("what may pass is tried again soon, then said, and tried again now and then until it has passed", async () => {
  let isAway = true;
  const read = vi.fn(async () => {
    if (isAway) throw new Problem(503, "ArmUnavailable", "no answer", "c1");
    return "here again";
  });
  const shown = show(read);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(read).toHaveBeenCalledTimes(3);
  expect(shown.getCurrentResult().error).toMatchObject({ status: 503 });
  isAway = false;
  await vi.advanceTimersByTimeAsync(15_000);
  expect(shown.getCurrentResult()).toMatchObject({ data: "here again", error: null });
  const calls = read.mock.calls.length;
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(read).toHaveBeenCalledTimes(calls);
});

test("what will not pass is said at once, and asked no more", async () => {
  const read = vi.fn(async () => {
    throw new Problem(403, "Forbidden", "not yours", "c1");
  });
  const shown = show(read);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(shown.getCurrentResult().error).toMatchObject({ status: 403 });
  expect(read).toHaveBeenCalledTimes(1);
});

test("a browser that thinks it is offline is not believed: pages are read, and no decision is kept for later", async () => {
  onlineManager.setOnline(false);
  const shown = show(async () => "read");
  const send = vi.fn(async () => "sent");
  const decision = new MutationObserver(createQueryClient(), { mutationFn: send }).mutate();
  await vi.advanceTimersByTimeAsync(0);
  expect(shown.getCurrentResult().data).toBe("read");
  expect(send).toHaveBeenCalledOnce();
  await decision;
});
