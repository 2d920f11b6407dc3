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
 * @param over settles when nobody waits for the answer any more
 * @returns null when `over` came first
 * @throws Error when the feed can't be reached, or when it gives no whole answer within `wait` + 5 s
 */
export async function sendPoll(settings: GateSettings, poll: Poll, over: Promise<null>): Promise<FeedAnswer | null> {
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
  const limit = poll.wait * 1000 + ANSWER_TIME_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the feed gave no answer within ${limit} ms`)), limit);
  });
  try {
    return await Promise.race([answer, late, over]);
  } finally {
    clearTimeout(timer); // a timer that runs holds back a worker that wants to end
  }
}

async function readAnswer(sent: Promise<NginxFetchAnswer>): Promise<FeedAnswer> {
  const answer = await sent;
  return { status: answer.status, body: await answer.text() };
}
