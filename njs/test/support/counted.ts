import type { HeardReport } from "./feed.ts";

/** What was reported of one account, reason and link id. */
export type Counted = { requests: number; bytes: number };

/**
 * Adds up reports as the api does: a number of a reporter that was heard before says nothing new.
 * @returns by `account TAB reason TAB link id`
 * @throws Error for a line that the wire does not have, or a key that comes twice in a report
 */
export function addUpReports(reports: readonly HeardReport[]): Map<string, Counted> {
  const sums = new Map<string, Counted>();
  const heard = new Set<string>();
  for (const { incarnation, reporter, sequence, body } of reports) {
    const id = `${incarnation} ${reporter} ${sequence}`;
    if (heard.has(id)) continue;
    heard.add(id);
    const keys = new Set<string>();
    for (const line of body.split("\n").slice(0, -1)) {
      const [, key = "", requests, bytes] =
        /^([a-z0-9-]{0,63}\t[a-z-]{1,40}\t\d{0,10})\t([1-9]\d{0,12})\t(\d{1,15})$/.exec(line) ?? [];
      if (key === "" || keys.has(key)) throw new Error(`no line of a report, or one too many: ${JSON.stringify(line)}`);
      keys.add(key);
      const sum = sums.get(key) ?? { requests: 0, bytes: 0 };
      sums.set(key, { requests: sum.requests + Number(requests), bytes: sum.bytes + Number(bytes) });
    }
  }
  return sums;
}
