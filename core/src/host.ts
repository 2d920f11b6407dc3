import { COLON, DOT, HYPHEN, isAlphanumeric, isDigit, Text, ZERO } from "./text.ts";

/**
 * The zones that a gate serves: each a pair of DNS suffixes, public (`azurehealthcareapis.com`) and private
 * (`privatelink.azurehealthcareapis.com`). Configuration, made once. Suffixes are kept with their leading
 * dot, the longest first: an account is one label, so of all that fit a host only the longest can name one (design 3.1).
 */
export class Zones {
  readonly suffixes: string[] = [];
  readonly privacy: bool[] = [];

  /**
   * Adds a pair. False, and nothing added, unless both are lower-case DNS names of letters, digits, hyphens and dots, and
   * new: one suffix can't be public and private, nor belong to two zones.
   */
  add(publicSuffix: string, privateSuffix: string): bool {
    if (!isSuffix(publicSuffix) || !isSuffix(privateSuffix) || publicSuffix === privateSuffix) return false;
    for (let zone: i32 = 0; zone < this.suffixes.length; zone++) {
      const known = this.suffixes[zone];
      if (known === "." + publicSuffix || known === "." + privateSuffix) return false;
    }
    this.insert("." + publicSuffix, false);
    this.insert("." + privateSuffix, true);
    return true;
  }

  private insert(suffix: string, isPrivate: bool): void {
    this.suffixes.push(suffix);
    this.privacy.push(isPrivate);
    for (let zone: i32 = this.suffixes.length - 1; zone > 0 && this.suffixes[zone - 1].length < suffix.length; zone--) {
      this.suffixes[zone] = this.suffixes[zone - 1];
      this.privacy[zone] = this.privacy[zone - 1];
      this.suffixes[zone - 1] = suffix;
      this.privacy[zone - 1] = isPrivate;
    }
  }
}

/** What a host name says. A gate makes one and reuses it. The account is the first `accountLength` codes of the name. */
export class Host {
  accountLength: i32 = 0;
  isPrivate: bool = false;

  clear(): void {
    this.accountLength = 0;
    this.isPrivate = false;
  }
}

/**
 * Splits a host name into account and zone (design 3.1). False, and `host` cleared, if it names no account of a zone.
 * The gate passes it in ASCII lower case; a capital that slips through names no account.
 */
export function splitHost(text: Text, zones: Zones, host: Host): bool {
  if (!findZone(text, zones, host)) return false;
  if (isAccount(text, 0, host.accountLength)) return true;
  host.clear();
  return false;
}

/** {@link splitHost} without a look at what stands before the suffix, which may be anything: the table may vouch for it. */
export function findZone(text: Text, zones: Zones, host: Host): bool {
  // Nearly every name ends with its suffix; no suffix ends with a dot or like a port, so such a name has neither.
  return findSuffix(text, text.length, zones, host) || findSuffix(text, endOfName(text), zones, host);
}

function findSuffix(text: Text, end: i32, zones: Zones, host: Host): bool {
  const suffixes = zones.suffixes;
  for (let zone: i32 = 0; zone < suffixes.length; zone++) {
    const suffix = suffixes[zone];
    const length = end - suffix.length;
    if (length < 1 || !text.startsWith(suffix, length)) continue;
    host.accountLength = length;
    host.isPrivate = zones.privacy[zone];
    return true;
  }
  host.clear();
  return false;
}

/**
 * True if `[from, to)` is an account's name: one DNS label of 1-63 lower-case letters, digits and hyphens, with no hyphen
 * at either end and no `--` at places 3-4 (RFC 1123 2.1, RFC 5891 4.2.3.1). The registry refuses the same names.
 */
export function isAccount(text: Text, from: i32, to: i32): bool {
  const length = to - from;
  if (length < 1 || length > 63) return false;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    // isAlphanumeric, without a call for each letter of each request and of each line of a full load.
    if ((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39)) continue;
    if (code !== HYPHEN || at === from || at === to - 1) return false;
    if (at === from + 3 && text.charCodeAt(from + 2) === HYPHEN) return false;
  }
  return true;
}

/** Where the name ends: before one trailing dot and before `:port` (1-5 digits, at most 65535); -1 for a port that is none. */
function endOfName(text: Text): i32 {
  let end = text.length;
  let port: i32 = 0;
  let scale: i32 = 1;
  let at = end - 1;
  for (; at >= 0 && end - at <= 5; at--) {
    const code = text.charCodeAt(at);
    if (!isDigit(code)) break;
    port += (code - ZERO) * scale;
    scale *= 10;
  }
  if (at >= 0 && text.charCodeAt(at) === COLON) {
    if (at === end - 1 || port > 65535) return -1;
    end = at;
  }
  return end > 0 && text.charCodeAt(end - 1) === DOT ? end - 1 : end;
}

function isSuffix(suffix: string): bool {
  if (suffix.length < 1 || suffix.length > 189) return false;
  let previous: i32 = DOT;
  for (let at: i32 = 0; at < suffix.length; at++) {
    const code = suffix.charCodeAt(at);
    if (code === DOT ? previous === DOT : !isAlphanumeric(code) && code !== HYPHEN) return false;
    previous = code;
  }
  return previous !== DOT;
}
