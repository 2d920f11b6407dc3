import type { HeardReport } from "./feed.ts";

/** What was reported of one account, reason and link id. */
export type Counted = { requests: number; bytes: number };

/**
 * Adds up reports as the api does, those alone that say something new.
 * @param from how many of them came before what is to be added up
 * @returns by `account TAB reason TAB link id`
 * @throws Error for a line that the wire does not have, or a key that comes twice in a report
 */
export function addUpReports(reports: readonly HeardReport[], from = 0): Map<string, Counted> {
  const sums = new Map<string, Counted>();
  for (const { body } of findNewReports(reports, from)) {
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

/**
 * Reports that say something new: a number of a reporter that was heard before is that report once more, which its gate sends
 * when it has waited too long for the answer.
 * @param from how many of them came before what is asked for
 */
function findNewReports(reports: readonly HeardReport[], from = 0): HeardReport[] {
  const heard = new Set<string>();
  return reports.filter(({ incarnation, reporter, sequence }, at) => {
    const id = `${incarnation} ${reporter} ${sequence}`;
    const isNew = !heard.has(id);
    heard.add(id);
    return isNew && at >= from;
  });
}
