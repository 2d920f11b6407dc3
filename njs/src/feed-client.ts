import fs from "node:fs";
import type { Report } from "./report.ts";
import type { GateSettings } from "./settings.ts";
import { Timer } from "./timer.ts";

/** Lines a page. Applying 2,000 takes a worker some 5 ms, in which it answers nobody. */
const PAGE_LINES = 2000;
/** How much longer than `wait` an answer may take; a hung feed looks like a quiet one. */
const ANSWER_TIME_MS = 5000;
/** NGINX counts in one place, which all workers share; other gates count in several. */
const REPORTER = "0";

/** One poll of the feed. */
export type Poll = {
  readonly incarnation: string;
  /** Empty for a first load. */
  readonly cursor: string;
  /** Seconds, may be fractional. */
  readonly wait: number;
};

export type FeedAnswer = { readonly status: number; readonly body: string };

/**
 * Sends a poll (design 4).
 * @param over settles when nobody waits for the answer any more
 * @returns null when `over` came first
 * @throws Error when the feed can't be reached, or when it gives no whole answer within `wait` + 5 s
 */
export function sendPoll(settings: GateSettings, poll: Poll, over: Promise<null>): Promise<FeedAnswer | null> {
  const query = [
    `incarnation=${poll.incarnation}`,
    `cursor=${encodeURIComponent(poll.cursor)}`,
    `maxAge=${settings.maxTableAge}`,
    `wait=${poll.wait}`,
    `limit=${PAGE_LINES}`,
  ];
  return ask(settings, "changes", query, {}, poll.wait * 1000 + ANSWER_TIME_MS, over);
}

/**
 * Sends a report of what was counted.
 * @param over settles when nobody waits for the answer any more
 * @returns null when `over` came first
 * @throws Error when the feed can't be reached, or when it gives no answer within 5 s
 */
export function sendReport(settings: GateSettings, report: Report, over: Promise<null>): Promise<FeedAnswer | null> {
  const query = [
    `incarnation=${report.incarnation}`,
    `reporter=${REPORTER}`,
    `sequence=${report.sequence}`,
    // Rounded up: no count may pass for younger than it is, lest it be taken for one of a later account of the same name.
    `age=${Math.max(0, Math.ceil((Date.now() - report.begun) / 1000))}`,
  ];
  const headers = {
    "Content-Type": "text/plain; charset=us-ascii",
    "User-Agent": `linkgate-nginx/${LINKGATE_VERSION} nginx/${ngx.version} njs/${njs.version}`,
  };
  return ask(settings, "reports", query, { method: "POST", headers, body: report.body }, ANSWER_TIME_MS, over);
}

/** The token is read from its file each time, so that it can be changed without a reload. */
async function ask(
  settings: GateSettings,
  path: string,
  query: readonly string[],
  options: NginxFetchOptions,
  limit: number,
  over: Promise<null>,
): Promise<FeedAnswer | null> {
  const token = fs.readFileSync(settings.feedTokenFile, "utf8").trim();
  const url = `${settings.feedUrl}/gate/v1/${path}?gate=${encodeURIComponent(settings.gateName)}&${query.join("&")}`;
  const headers = { ...options.headers, Authorization: `Bearer ${token}` };
  const answer = readAnswer(ngx.fetch(url, { ...options, headers }));
  const timer = new Timer(limit);
  const late = timer.over.then(() => {
    throw new Error(`the feed gave no answer within ${limit} ms`);
  });
  try {
    return await Promise.race([answer, late, over]);
  } finally {
    timer.stop();
  }
}

async function readAnswer(sent: Promise<NginxFetchAnswer>): Promise<FeedAnswer> {
  const answer = await sent;
  return { status: answer.status, body: await answer.text() };
}
