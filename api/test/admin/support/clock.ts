import { vi } from "vitest";

/** Does something when so many seconds have passed, by the clock that tokens are checked by. It stands still meanwhile. */
export async function later(seconds: number, work: () => Promise<void>): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + seconds * 1000 });
  await work().finally(() => vi.useRealTimers());
}
