/** Requests of one account, for one reason, by one link. */
export interface CountLine {
  /** Lower case; empty when the host named no account. */
  readonly account: string;
  readonly reason: string;
  /** Undefined for none. */
  readonly linkId: number | undefined;
  readonly requests: number;
  /** Sent to clients. */
  readonly bytes: number;
}

/** Bytes of a batch. */
export const LARGEST_BATCH = 128 * 1024;
/** Lines of a batch. */
export const MOST_LINES = 1000;

const LIMITS = { linkId: 2 ** 32 - 1, requests: 10 ** 12, bytes: 10 ** 15 };
const LINE = /^([a-z0-9-]{0,63})\t([a-z-]{1,40})\t([1-9]\d{0,9})?\t([1-9]\d{0,12})\t(0|[1-9]\d{0,15})$/;

/**
 * Reads the body of a report: lines of `account TAB reason TAB linkId TAB requests TAB bytes LF`, none twice.
 *
 * @returns "malformed", or "too-large" where it has too many lines: then nothing of it counts
 */
export function readBatch(text: string): CountLine[] | "malformed" | "too-large" {
  if (text === "") return [];
  if (!text.endsWith("\n")) return "malformed";
  const lines = text.slice(0, -1).split("\n");
  if (lines.length > MOST_LINES) return "too-large";
  const keys = new Set<string>();
  const read: CountLine[] = [];
  for (const line of lines) {
    const [, account, reason, link, ...numbers] = LINE.exec(line) ?? [];
    if (account === undefined || reason === undefined) return "malformed";
    const linkId = link === undefined ? undefined : Number(link);
    const [requests = 0, bytes = 0] = numbers.map(Number);
    if ((linkId ?? 0) > LIMITS.linkId || requests > LIMITS.requests || bytes > LIMITS.bytes) return "malformed";
    keys.add(`${account}\t${reason}\t${link ?? ""}`);
    read.push({ account, reason, linkId, requests, bytes });
  }
  return keys.size === read.length ? read : "malformed";
}
