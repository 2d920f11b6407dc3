import {
  LINK_ID_MISMATCH,
  NOT_PRIVATE_LINK,
  PRIVATE_LINK,
  PRIVATE_LINK_NOT_ENABLED,
  PUBLIC,
  PUBLIC_ACCESS_DISABLED,
  REASONS,
  startOfLinkIds,
  UNKNOWN_ACCOUNT,
  UNREADABLE_RECORD,
} from "@linkgate/core";
import { SharedTable } from "./table.ts";

// What the api is told of traffic is counted here, in two zones of shared memory that all workers add to: requests and bytes,
// each by `account TAB reason TAB link id`. A number of keys is all that fits; who chooses names and link ids can't take more.

/** Not a key of any request, since no account's name begins so: how many keys there are, and when they were listed last. */
const KEYS = "#keys";
const LISTED = "#listed";
/** What found no room under any other name. */
const UNCOUNTED = "\tuncounted\t";
/** Keys with a link id, and all keys but {@link UNCOUNTED}. The zones hold them all, each with the longest of names. */
export const MOST_LINKED_KEYS = 16_000;
export const MOST_KEYS = 20_000;
/** In a line of a report: one with more would be refused as a whole. */
const MOST_BYTES = 1e15;

/** Reasons of requests whose account the decision found in the table. */
const OF_KNOWN_ACCOUNTS = [
  REASONS[PRIVATE_LINK],
  REASONS[PUBLIC],
  REASONS[LINK_ID_MISMATCH],
  REASONS[PRIVATE_LINK_NOT_ENABLED],
  REASONS[NOT_PRIVATE_LINK],
  REASONS[PUBLIC_ACCESS_DISABLED],
  REASONS[UNREADABLE_RECORD],
];

/** Counts requests. A worker's scripts make one in each context and reuse it: to look up a zone takes half as long as to add to it. */
export class Counter {
  private readonly requests = ngx.shared.lg_requests;
  private readonly bytes = ngx.shared.lg_bytes;

  /** Counts a request that is over, unless NGINX answered it by itself. Never throws. */
  count(r: NginxRequest): void {
    try {
      const variables = r.variables;
      const reason = variables.linkgate_reason;
      if (!reason) return; // nobody decided
      const account = findAccount(variables.linkgate_account ?? "", reason);
      this.add(`${account}\t${reason}\t${variables.linkgate_link_id ?? ""}`, 1, Number(variables.bytes_sent) || 0);
    } catch {
      this.countLost();
    }
  }

  /** Bytes first, and requests last, while {@link takeLines} goes the other way: no bytes are ever taken without their request. */
  private add(key: string, requests: number, bytes: number): void {
    this.bytes.incr(key, bytes, 0);
    if (this.requests.incr(key, requests, 0) === requests) this.admitKey(key);
  }

  /** A key that is new. One too many is taken out again, and counted under a name that says less. */
  private admitKey(key: string): void {
    if (key === UNCOUNTED) return;
    const linkId = key.lastIndexOf("\t") + 1;
    const hasLink = linkId < key.length;
    if (this.requests.incr(KEYS, 1, 0) <= (hasLink ? MOST_LINKED_KEYS : MOST_KEYS)) return;
    const requests = this.requests.pop(key) ?? 0;
    const bytes = this.bytes.pop(key) ?? 0;
    this.requests.incr(KEYS, -1, 0);
    if (requests > 0) this.add(hasLink ? key.slice(0, linkId) : UNCOUNTED, requests, bytes);
  }

  private countLost(): void {
    try {
      this.add(UNCOUNTED, 1, 0);
    } catch {
      // There is no place left where it could be said.
    }
  }
}

/** The name if it is an account's; anybody can ask for any name, and none is kept that the table does not have. */
function findAccount(name: string, reason: string): string {
  if (name === "" || OF_KNOWN_ACCOUNTS.includes(reason)) return name;
  if (reason === REASONS[UNKNOWN_ACCOUNT]) return "";
  const table = new SharedTable();
  table.host = name;
  table.readState();
  const entry = table.findEntry(name.length);
  return entry === null || startOfLinkIds(entry) === 0 ? "" : name;
}

/**
 * The keys that there are, a line each, in no order. Those of the last list must have been taken.
 * @returns `begun`: when they were listed last, by the wall clock in milliseconds; no count under these keys was begun before
 */
export function listKeys(): { keys: string; begun: number } {
  const zone = ngx.shared.lg_requests;
  const now = Date.now();
  const begun = Math.min(zone.get(LISTED) ?? now, now);
  zone.set(LISTED, now); // before the keys: what comes after them is in the next list
  const keys = zone.keys(MOST_KEYS * 2).filter(key => !key.startsWith("#"));
  zone.set(KEYS, keys.length); // a worker that was killed may have left it wrong
  return { keys: keys.map(key => `${key}\n`).join(""), begun };
}

/**
 * Takes what was counted under these keys, which are gone then.
 * @param keys a line each, of {@link listKeys}
 * @returns lines of a report: `key TAB requests TAB bytes LF`
 */
export function takeLines(keys: string): string {
  let lines = "";
  let taken = 0;
  for (const key of keys.split("\n").slice(0, -1)) {
    const requests = ngx.shared.lg_requests.pop(key) ?? 0;
    if (requests === 0) continue;
    const bytes = Math.min(ngx.shared.lg_bytes.pop(key) ?? 0, MOST_BYTES);
    lines += `${key}\t${requests}\t${bytes}\n`;
    taken++;
  }
  ngx.shared.lg_requests.incr(KEYS, -taken, 0);
  return lines;
}
