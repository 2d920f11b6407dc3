import { createServer, type Server } from "node:http";
import { sql } from "kysely";
import type { OpenDatabase } from "./database/open.ts";

/** Why the api can't be sent requests; undefined when it can. */
export type Readiness = () => Promise<string | undefined>;

/** Milliseconds that the database is given to answer a probe. */
const PATIENCE = 2000;

/**
 * The listener for probes: plain HTTP, apart from the others, because a probe shows no client certificate and has no
 * token. `/livez` says that the process runs, `/readyz` that it can serve; neither says more than a few words.
 */
export function buildHealthServer(readiness: Readiness): Server {
  return createServer(async (request, response) => {
    const path = request.url?.split("?", 1)[0];
    const isProbe = request.method === "GET" || request.method === "HEAD";
    let [status, text] = [404, "not found"];
    if (isProbe && path === "/livez") [status, text] = [200, "ok"];
    if (isProbe && path === "/readyz") {
      const reason = await readiness();
      [status, text] = reason === undefined ? [200, "ok"] : [503, reason];
    }
    response.writeHead(status, { "content-type": "text/plain", "cache-control": "no-store", connection: "close" });
    response.end(request.method === "HEAD" ? undefined : `${text}\n`);
  });
}

/** Whether the database answers in time. */
export async function isDatabaseThere({ db }: OpenDatabase): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), PATIENCE);
  const asked = sql`select`.execute(db).then(
    () => true,
    () => false,
  );
  const answer = await Promise.race([asked, late.promise]);
  clearTimeout(timer);
  return answer;
}
