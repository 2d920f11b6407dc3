import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds between looks, and until giving up. */
const PAUSE = 15;
const LIMIT = 20_000;

/** Looks again and again until there is something to return; says what it waited for when there never is. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + LIMIT;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await delay(PAUSE);
  }
  throw new Error(`waited in vain for ${what}`);
}
