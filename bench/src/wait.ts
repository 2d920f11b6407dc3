import { setTimeout as delay } from "node:timers/promises";

/** Waits until it is so. @throws Error after a minute, or `deadlineMs` */
export async function waitUntil(isSo: () => Promise<boolean>, deadlineMs = 60_000): Promise<void> {
  for (const end = Date.now() + deadlineMs; !(await isSo()); await delay(20)) {
    if (Date.now() > end) throw new Error(`nothing came of it within ${deadlineMs / 1000} s`);
  }
}
