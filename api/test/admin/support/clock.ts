import { vi } from "vitest";

/**
 * Does something while everything that ages in memory, such as what ARM has said, grows older only as it is told to.
 *
 * @param work gets a function that moves the clock to so many seconds after the beginning
 */
export async function agingByHand(work: (moveTo: (seconds: number) => void) => Promise<void>): Promise<void> {
  const begin = performance.now();
  const clock = vi.spyOn(performance, "now").mockReturnValue(begin);
  await work(seconds => void clock.mockReturnValue(begin + seconds * 1000)).finally(() => clock.mockRestore());
}

/** Does something when so many seconds have passed, by the clock that tokens are checked by. It stands still meanwhile. */
export async function later(seconds: number, work: () => Promise<void>): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + seconds * 1000 });
  await work().finally(() => vi.useRealTimers());
}
