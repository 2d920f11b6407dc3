import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds that tests wait for what must come: no figure of the product's, but more than the busiest machine takes. */
export const PATIENCE_MS = 120_000;

/**
 * Waits until `find` gives something.
 * @param explain what is said when it does not within the deadline
 * @param deadlineMs milliseconds
 */
export async function until<T>(
  find: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  explain: () => string,
  deadlineMs = PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== null && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`${explain()} (waited ${deadlineMs} ms)`);
    await delay(5);
  }
}
