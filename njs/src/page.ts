import { isNewer, LINE_DONE, LINE_MALFORMED, LINE_MORE, Line, readLine, writeEntry } from "@linkgate/core";
import { StringSink } from "@linkgate/core/string-sink";
import { readPlainLine } from "./plain-line.ts";

/** A page of the feed that was read whole and found good: changes of accounts, then where to go on. */
export type Page = {
  readonly text: string;
  readonly changes: readonly Change[];
  readonly cursor: string;
  /** True if the sweep ends with this page. */
  readonly isDone: boolean;
};

/** One line of a page: what the table holds for the account from now on. */
export type Change = { readonly account: string; readonly entry: string; readonly from: number; readonly end: number };

/**
 * Reads a page (design 4): every line, before any is applied.
 * @throws Error that says which line is malformed, or that the page was cut
 */
export function readPage(text: string): Page {
  const line = new Line();
  const sink = new StringSink();
  const changes: Change[] = [];
  for (let from = 0; ; ) {
    const plain = readPlainLine(text, from);
    if (plain !== null) {
      changes.push(plain);
      from = plain.end + 1;
      continue;
    }
    const end = text.indexOf("\n", from);
    if (end < 0) throw new Error(`the page ends without its last line, after ${changes.length} changes`);
    const kind = readLine(text, from, end, line);
    if (kind === LINE_MALFORMED) throw new Error(`line ${changes.length + 1} of the page is malformed`);
    const name = text.slice(line.nameStart, line.nameEnd);
    if (kind === LINE_MORE || kind === LINE_DONE) {
      if (end !== text.length - 1) throw new Error("the page goes on after its last line");
      return { text, changes, cursor: name, isDone: kind === LINE_DONE };
    }
    writeEntry(text, line, kind, sink);
    changes.push({ account: name, entry: sink.text, from, end });
    from = end + 1;
  }
}

/**
 * Applies a page to a zone. An older version never overwrites a newer one (feed rule 19).
 *
 * When the zone is full the account's entry is removed, which takes no memory, before it is written again: so a revocation that
 * can't be written denies (feed rule 18).
 * @returns how many changes could not be written; the sweep has then failed
 */
export function applyPage(page: Page, zone: NginxDict<string>): number {
  const line = new Line();
  let failures = 0;
  for (const change of page.changes) {
    // Once the zone is full a new account, which nobody is admitted to yet, is not tried: each try is a line in NGINX's log.
    if (failures === 0 && tryAdd(zone, change)) continue;
    const held = zone.get(change.account);
    if (held === undefined) {
      failures++;
      continue;
    }
    readLine(page.text, change.from, change.end, line);
    if (!isNewer(page.text, line, held) || trySet(zone, change)) continue;
    zone.delete(change.account);
    if (!trySet(zone, change)) failures++;
  }
  return failures;
}

/** Writes an account that the zone does not have, as in a full load nearly all: one look-up of it rather than two. */
function tryAdd(zone: NginxDict<string>, { account, entry }: Change): boolean {
  try {
    return zone.add(account, entry);
  } catch {
    return false; // SharedMemoryError: nothing else throws here
  }
}

function trySet(zone: NginxDict<string>, { account, entry }: Change): boolean {
  try {
    zone.set(account, entry);
    return true;
  } catch {
    return false;
  }
}
