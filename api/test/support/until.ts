import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds between looks, and until giving up: long, for a busy machine stands still now and then. */
const PAUSE = 15;
const LIMIT = 150_000;

/** Looks again and again until there is something to return; says what it waited for when there never is. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + LIMIT;
  for (;;) {
    const isLast = performance.now() >= deadline;
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (isLast) throw new Error(`waited in vain for ${what}`);
    await delay(PAUSE);
  }
}
