import { COMMA, isDigit, TAB, Text } from "./text.ts";

// An entry is what the table holds for an account: `enabled<TAB>822088585,17<TAB>12`, that is public access, approved link
// ids, version of the change. A removal stays as `removed<TAB><TAB>12`, so that a late older change can't bring the account
// back (feed rule 19). An entry that begins with any other word can't be read. Nothing behind the word is checked here:
// `writeEntry` makes every entry, and only of lines that `readLine` has checked. The version comes last, because there no
// link id can be found that nothing follows, and a change compares it without reading the ids.

/** Where the link ids of an entry begin; 0 for a removed account, -1 for an entry that can't be read. */
export function startOfLinkIds(entry: Text): i32 {
  if (entry.startsWith("enabled\t", 0)) return 8;
  if (entry.startsWith("disabled\t", 0)) return 9;
  return entry.startsWith("removed\t", 0) ? 0 : -1;
}

/** True if the account accepts the public network; anything but `enabled` does not (design 3.6). */
export function allowsPublic(entry: Text): bool {
  return entry.startsWith("enabled\t", 0);
}

/** True if the account has any approved connection. `start` is {@link startOfLinkIds}. */
export function hasLinkIds(entry: Text, start: i32): bool {
  return start < entry.length && isDigit(entry.charCodeAt(start));
}

/** True if `id`, in decimal, is one of the entry's approved link ids. `start` is {@link startOfLinkIds}. */
export function holdsLinkId(entry: Text, start: i32, id: Text): bool {
  for (let at = entry.indexOf(id, start); at >= 0; at = entry.indexOf(id, at + 1)) {
    const end = at + id.length;
    if (end >= entry.length) return false; // the version, which nothing follows
    const next = entry.charCodeAt(end);
    if (next !== COMMA && next !== TAB) continue; // the beginning of a longer id
    const before = entry.charCodeAt(at - 1);
    if (before === COMMA || before === TAB) return true; // not the end of a longer one
  }
  return false;
}
