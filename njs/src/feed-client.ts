import fs from "node:fs";
import type { GateSettings } from "./settings.ts";

/** Lines a page. Applying 2,000 takes a worker a few hundredths of a second, in which it answers nobody. */
const PAGE_LINES = 2000;
/** How much longer than `wait` an answer may take; a hung feed looks like a quiet one. */
const ANSWER_TIME_MS = 5000;

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
 * Sends a poll (design 4). The token is read from its file each time, so that it can be changed without a reload.
 * @throws Error when the feed can't be reached, or when it gives no whole answer within `wait` + 5 s
 */
export async function sendPoll(settings: GateSettings, poll: Poll): Promise<FeedAnswer> {
  const token = fs.readFileSync(settings.feedTokenFile, "utf8").trim();
  const query = [
    `gate=${encodeURIComponent(settings.gateName)}`,
    `incarnation=${poll.incarnation}`,
    `cursor=${encodeURIComponent(poll.cursor)}`,
    `maxAge=${settings.maxTableAge}`,
    `wait=${poll.wait}`,
    `limit=${PAGE_LINES}`,
  ];
  const url = `${settings.feedUrl}/gate/v1/changes?${query.join("&")}`;
  const answer = readAnswer(ngx.fetch(url, { headers: { Authorization: `Bearer ${token}` } }));
  const late = new Promise<null>(resolve => setTimeout(resolve, poll.wait * 1000 + ANSWER_TIME_MS, null));
  const first = await Promise.race([answer, late]);
  if (first === null) throw new Error(`the feed gave no answer within ${poll.wait} s and ${ANSWER_TIME_MS} ms`);
  return first;
}

async function readAnswer(sent: Promise<NginxFetchAnswer>): Promise<FeedAnswer> {
  const answer = await sent;
  return { status: answer.status, body: await answer.text() };
}
