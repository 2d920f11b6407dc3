import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** A line of the gate's access log. Every member is there in every line; what was not known is empty. */
export type AccessLogLine = {
  /** ISO 8601 with milliseconds' worth of seconds (`$time_iso8601`). */
  time: string;
  request_id: string;
  /** `allow`, `deny`, or empty for what NGINX answered before the gate was asked. */
  verdict: string;
  reason: string;
  account: string;
  /** `privateip:linkid` of a request that came through a link. */
  client: string;
  link_id: string;
  host: string;
  method: string;
  request_uri: string;
  status: number;
  /** `direct`, `proxy` or `public`. */
  listener: string;
  remote_addr: string;
  bytes: number;
};

/**
 * Reads the whole lines of an access log.
 * @returns the empty list while there is no file
 * @throws SyntaxError for a line that is no JSON
 */
export async function readLog(file: string): Promise<AccessLogLine[]> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines.filter(line => line !== "").map(parseLogLine);
}

/** Reads a line of any gate's log: what NGINX writes as an empty text is null where Envoy knows nothing. @throws SyntaxError */
export function parseLogLine(text: string): AccessLogLine {
  return JSON.parse(text, (_, value) => value ?? "") as AccessLogLine;
}

/**
 * Waits for a line of the access log.
 * @param deadlineMs milliseconds
 * @throws Error with the last lines when there is none in time
 */
export async function waitForLog(
  file: string,
  predicate: (line: AccessLogLine) => boolean,
  deadlineMs = 120_000,
): Promise<AccessLogLine> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const lines = await readLog(file);
    const line = lines.find(predicate);
    if (line !== undefined) return line;
    if (Date.now() > deadline) {
      const last = lines.slice(-5).map(each => JSON.stringify(each));
      throw new Error(`no such line in ${file} within ${deadlineMs} ms; the last ones are:\n${last.join("\n")}`);
    }
    await delay(10);
  }
}
