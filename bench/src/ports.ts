import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** A port that nobody listened on a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, "::", resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Waits until it is so. @throws Error after a minute, or `deadlineMs` */
export async function waitUntil(isSo: () => Promise<boolean>, deadlineMs = 60_000): Promise<void> {
  for (const end = Date.now() + deadlineMs; !(await isSo()); await delay(20)) {
    if (Date.now() > end) throw new Error(`nothing came of it within ${deadlineMs / 1000} s`);
  }
}
