import type { Change } from "./page.ts";

// Nearly every line of a page has one plain form, and a pattern, which QuickJS runs in C, reads it in a twentieth of the
// instructions that core's reader takes. Whatever the pattern does not take goes to core's reader, which alone says what a line
// may be: the pattern takes nothing that core would not read in the same way, and `test/plain-line.test.ts` holds it to that.

// What core takes and this does not: names of one character, link ids from 4290000000 on, more than 50 of them, removals.
const NAME = "(?!..--)[a-z0-9][a-z0-9-]{0,61}[a-z0-9]";
const VERSION = "[1-9][0-9]{0,18}";
const LINK_ID = "(?:[1-3][0-9]{9}|4(?:[01][0-9]|2[0-8])[0-9]{7}|[1-9][0-9]{0,8})";
const RECORD = `(?:en|dis)abled\\t(?:${LINK_ID}(?:,${LINK_ID}){0,49})?`;
const PLAIN_LINE = new RegExp(`\\+(${NAME})\\t(${VERSION})\\t(${RECORD})\\n`, "y");

/**
 * Reads the line of a page that begins at `from`, if it is a change of the plain form.
 * @returns the change as core's `readLine` and `writeEntry` would have it; null for a line that core has to read
 */
export function readPlainLine(page: string, from: number): Change | null {
  PLAIN_LINE.lastIndex = from;
  const parts = PLAIN_LINE.exec(page);
  if (parts === null) return null;
  return { account: parts[1] as string, entry: `${parts[3]}\t${parts[2]}`, from, end: PLAIN_LINE.lastIndex - 1 };
}
