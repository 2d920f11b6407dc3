import { request } from "node:http";

/** As long as a probe gets: Envoy answers here from its main thread, which a busy machine may keep waiting. */
const DEADLINE_MS = 10_000;

/**
 * Asks Envoy's admin page.
 * @param listen as in `LINKGATE_ADMIN_LISTEN`
 * @throws Error when there is no whole answer of status 200 within `deadlineMs` milliseconds
 */
export function askAdmin(
  listen: string,
  method: "GET" | "POST",
  path: string,
  deadlineMs = DEADLINE_MS,
): Promise<string> {
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replace(/[[\]]/g, "");
  const options = { host, port: Number(listen.slice(colon + 1)), method, path, agent: false as const };
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, signal: AbortSignal.timeout(deadlineMs) }, answer => {
      let body = "";
      answer.setEncoding("utf8").on("data", text => {
        body += text;
      });
      answer.once("error", reject);
      answer.once("end", () => {
        if (answer.statusCode === 200) resolve(body);
        else reject(new Error(`Envoy's admin page answered ${answer.statusCode} to ${path}`));
      });
    });
    sent.once("error", reject);
    sent.end();
  });
}

/** The sum of the statistics whose names match; 0 when there are none. */
export async function sumStats(listen: string, pattern: string, deadlineMs = DEADLINE_MS): Promise<number> {
  const text = await askAdmin(listen, "GET", `/stats?filter=${encodeURIComponent(pattern)}`, deadlineMs);
  return text.split("\n").reduce((sum, line) => sum + Number(/: (\d+)$/.exec(line)?.[1] ?? 0), 0);
}
