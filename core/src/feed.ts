import { startOfLinkIds } from "./entry.ts";
import { isAccount } from "./host.ts";
import {
  COMMA,
  EQUALS,
  equals,
  HYPHEN,
  indexOfCode,
  isDigit,
  LF,
  NINE,
  PLUS,
  TAB,
  Text,
  TextSink,
  ZERO,
} from "./text.ts";

const LARGEST_LINK_ID: string = "4294967295";

/** What a line of the feed is (design 4). */
export const LINE_MALFORMED: i32 = 0;
export const LINE_UPSERT: i32 = 1;
export const LINE_REMOVAL: i32 = 2;
export const LINE_MORE: i32 = 3;
export const LINE_DONE: i32 = 4;

/** A line of the feed: where its parts lie in the page. A gate makes one and reuses it. */
export class Line {
  /** The account, or the cursor of a last line, is `[nameStart, nameEnd)`. */
  nameStart: i32 = 0;
  nameEnd: i32 = 0;
  /** The version is `[versionStart, versionEnd)`: a canonical decimal of 1 to 19 digits. */
  versionStart: i32 = 0;
  versionEnd: i32 = 0;
  /** `enabled<TAB>ids` is `[recordStart, end)`; empty for a removal. The LF is at `end`: the next line begins behind it. */
  recordStart: i32 = 0;
  end: i32 = 0;
}

/**
 * Reads the line of a page that begins at `from` and whose LF is at `end` (-1 if none follows):
 * `+account<TAB>version<TAB>enabled|disabled<TAB>id,id`, `-account<TAB>version` or, last of a page, `=cursor<TAB>more|done`.
 * `LINE_MORE` and `LINE_DONE` come for a line that ends the page, so a gate reads line by line until one of the two; a
 * `LINE_MALFORMED` before it drops the page whole (design 4). `line` has a meaning for all results but that one.
 */
export function readLine(page: Text, from: i32, end: i32, line: Line): i32 {
  if (end <= from || end >= page.length || page.charCodeAt(end) !== LF) return LINE_MALFORMED;
  const first = page.charCodeAt(from);
  line.nameStart = from + 1;
  line.nameEnd = indexOfCode(page, TAB, from + 1, end);
  line.end = end;
  if (line.nameEnd >= end) return LINE_MALFORMED;
  if (first === EQUALS) return readLastLine(page, line);
  if (first !== PLUS && first !== HYPHEN) return LINE_MALFORMED;
  if (!isAccount(page, line.nameStart, line.nameEnd)) return LINE_MALFORMED;

  line.versionStart = line.nameEnd + 1;
  line.versionEnd = indexOfCode(page, TAB, line.versionStart, end);
  if (!isVersion(page, line.versionStart, line.versionEnd)) return LINE_MALFORMED;
  if (first === HYPHEN) {
    line.recordStart = end;
    return line.versionEnd === end ? LINE_REMOVAL : LINE_MALFORMED;
  }
  line.recordStart = line.versionEnd + 1;
  let ids: i32 = end + 1;
  if (page.startsWith("enabled\t", line.recordStart)) ids = line.recordStart + 8;
  else if (page.startsWith("disabled\t", line.recordStart)) ids = line.recordStart + 9;
  return ids <= end && areLinkIds(page, ids, end) ? LINE_UPSERT : LINE_MALFORMED;
}

/** Writes the entry that a line makes of its account. `kind` is `LINE_UPSERT` or `LINE_REMOVAL`. */
export function writeEntry(page: Text, line: Line, kind: i32, sink: TextSink): void {
  sink.clear();
  if (kind === LINE_UPSERT) sink.putPart(page, line.recordStart, line.end);
  else sink.putWord("removed\t");
  sink.putCode(TAB);
  sink.putPart(page, line.versionStart, line.versionEnd);
}

/**
 * True if the line's version is higher than the one in `entry` (feed rule 19), or the entry can't be read and so has none.
 * Versions compare within one generation only.
 */
export function isNewer(page: Text, line: Line, entry: Text): bool {
  if (startOfLinkIds(entry) < 0) return true;
  let start = entry.length;
  while (start > 0 && entry.charCodeAt(start - 1) !== TAB) start--;
  const digits = line.versionEnd - line.versionStart;
  if (digits !== entry.length - start) return digits > entry.length - start; // canonical: the longer is the higher
  for (let at: i32 = 0; at < digits; at++) {
    const difference = page.charCodeAt(line.versionStart + at) - entry.charCodeAt(start + at);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

/** What "start over" (410) says of the table in force. */
export const START_OVER_MALFORMED: i32 = 0;
/** It may serve until the new one is whole: another epoch, or a cursor that the registry does not remember. */
export const START_OVER_KEEP: i32 = 1;
/** It may not: this incarnation was retired or given up (feed rule 25). */
export const START_OVER_DROP: i32 = 2;

/** Reads the body of a 410: `!start-over<TAB>keep|drop<LF>`. A gate treats a malformed one as drop. */
export function readStartOver(body: Text): i32 {
  if (equals(body, "!start-over\tkeep\n")) return START_OVER_KEEP;
  return equals(body, "!start-over\tdrop\n") ? START_OVER_DROP : START_OVER_MALFORMED;
}

/** A cursor is opaque: 1 to 200 printable ASCII characters. */
function readLastLine(page: Text, line: Line): i32 {
  if (line.end + 1 !== page.length) return LINE_MALFORMED; // something follows, or two answers in one
  const length = line.nameEnd - line.nameStart;
  if (length < 1 || length > 200) return LINE_MALFORMED;
  for (let at = line.nameStart; at < line.nameEnd; at++) {
    const code = page.charCodeAt(at);
    if (code <= 0x20 || code >= 0x7f) return LINE_MALFORMED;
  }
  const rest = line.end - line.nameEnd - 1;
  if (rest !== 4) return LINE_MALFORMED;
  if (page.startsWith("more", line.nameEnd + 1)) return LINE_MORE;
  return page.startsWith("done", line.nameEnd + 1) ? LINE_DONE : LINE_MALFORMED;
}

function isVersion(page: Text, from: i32, to: i32): bool {
  if (to <= from || to - from > 19 || page.charCodeAt(from) === ZERO) return false;
  for (let at = from; at < to; at++) {
    if (!isDigit(page.charCodeAt(at))) return false;
  }
  return true;
}

/** True if `[from, to)` is empty, or canonical decimals from 1 to 4294967295 with one comma between two. */
function areLinkIds(page: Text, from: i32, to: i32): bool {
  if (from === to) return true;
  let start = from;
  for (let at = from; at <= to; at++) {
    const code: i32 = at < to ? page.charCodeAt(at) : COMMA;
    if (code >= ZERO && code <= NINE) continue; // most of a full load is this line: no call, no sum
    if (code !== COMMA || !isLinkId(page, start, at)) return false;
    start = at + 1;
  }
  return true;
}

/** True if the digits `[from, to)` are canonical and from 1 to 4294967295. */
function isLinkId(page: Text, from: i32, to: i32): bool {
  const digits = to - from;
  if (digits < 1 || digits > 10 || page.charCodeAt(from) === ZERO) return false;
  if (digits < 10) return true;
  for (let at: i32 = 0; at < 10; at++) {
    const difference = page.charCodeAt(from + at) - LARGEST_LINK_ID.charCodeAt(at);
    if (difference !== 0) return difference < 0;
  }
  return true;
}
