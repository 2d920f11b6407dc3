import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until `find` gives something.
 * @param explain what is said when it does not within the deadline
 * @param deadlineMs milliseconds
 */
export async function until<T>(
  find: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  explain: () => string,
  deadlineMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== null && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`${explain()} (waited ${deadlineMs} ms)`);
    await delay(5);
  }
}
