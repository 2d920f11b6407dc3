import { COLON, DOT, hexDigit, isDigit, Text, TextSink, ZERO } from "./text.ts";

/** An IP address as its 16 bytes, in network order; IPv4 as IPv4-mapped (RFC 4291 2.5.5.2). A gate makes one and reuses it. */
export class Address {
  readonly bytes: Uint8Array = new Uint8Array(16);
  /** The eight 16-bit groups, while an address is read from text. */
  readonly groups: Int32Array = new Int32Array(8);
}

/** Reads 4 or 16 bytes in network order (`$binary_remote_addr`). False, and `address` of no meaning, for any other length. */
export function readAddressBytes(bytes: Uint8Array, address: Address): bool {
  const target = address.bytes;
  if (bytes.length === 16) {
    target.set(bytes); // no loop: QuickJS would take ten times as long, at each request
    return true;
  }
  if (bytes.length !== 4) return false;
  target.fill(0, 0, 10);
  target.fill(0xff, 10, 12);
  target.set(bytes, 12);
  return true;
}

/**
 * Reads an address as text: IPv4 in dotted form without leading zeros, or IPv6 in all three forms of RFC 4291 section 2.2,
 * without zone and brackets. False, and `address` of no meaning, if it is neither.
 */
export function readAddress(text: Text, address: Address): bool {
  const groups = address.groups;
  if (!readGroups(text, groups)) return false;
  const bytes = address.bytes;
  for (let group: i32 = 0; group < 8; group++) {
    bytes[2 * group] = groups[group] >> 8;
    bytes[2 * group + 1] = groups[group] & 0xff;
  }
  return true;
}

function readGroups(text: Text, groups: Int32Array): bool {
  const end = text.length;
  if (end < 2 || end > 45) return false;
  if (readDotted(text, 0, groups, 6)) {
    clearToMapped(groups);
    return true;
  }
  let count: i32 = 0; // groups read so far
  let gap: i32 = -1; // the group before which "::" stood
  let at: i32 = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false;
    gap = 0;
    at = 2;
  }
  while (at < end) {
    const start = at;
    let value: i32 = 0;
    for (; at < end && at - start < 5; at++) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit < 0) break;
      value = (value << 4) | digit;
    }
    if (at < end && text.charCodeAt(at) === DOT) {
      if (count > 6 || !readDotted(text, start, groups, count)) return false;
      count += 2;
      break;
    }
    if (at === start || at - start > 4 || count === 8) return false;
    groups[count++] = value;
    if (at === end) break;
    if (text.charCodeAt(at++) !== COLON || at === end) return false;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return false;
      gap = count;
      at++;
    }
  }
  if (gap < 0) return count === 8;
  if (count === 8) return false; // "::" stands for at least one group
  const zeros = 8 - count;
  for (let group = count - 1; group >= gap; group--) groups[group + zeros] = groups[group];
  for (let group = gap; group < gap + zeros; group++) groups[group] = 0;
  return true;
}

/** Reads `a.b.c.d`, which must end the text, into the two groups at `group`. */
function readDotted(text: Text, start: i32, groups: Int32Array, group: i32): bool {
  let at = start;
  for (let part: i32 = 0; part < 4; part++) {
    const first = at;
    let value: i32 = 0;
    for (; at < text.length && at - first < 4; at++) {
      const code = text.charCodeAt(at);
      if (!isDigit(code)) break;
      value = value * 10 + (code - ZERO);
    }
    if (at === first || value > 255 || (at - first > 1 && text.charCodeAt(first) === ZERO)) return false;
    const target = group + (part >> 1);
    groups[target] = (part & 1) === 0 ? value << 8 : groups[target] | value;
    if (part < 3 && (at === text.length || text.charCodeAt(at++) !== DOT)) return false;
  }
  return at === text.length;
}

/** Makes groups 0 to 5 those of an IPv4-mapped address (RFC 4291 2.5.5.2). */
function clearToMapped(groups: Int32Array): void {
  for (let group: i32 = 0; group < 5; group++) groups[group] = 0;
  groups[5] = 0xffff;
}

/** True for an IPv4-mapped address, the form in which IPv4 is held. */
export function isIPv4(address: Address): bool {
  const bytes = address.bytes;
  for (let at: i32 = 0; at < 10; at++) {
    if (bytes[at] !== 0) return false;
  }
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/** True if Private Link wrote the address: it lies in `fd40::/10` (requirement "10th bit", design 3.3). */
export function isPrivateLink(address: Address): bool {
  const bytes = address.bytes;
  return bytes[0] === 0xfd && (bytes[1] & 0xc0) === 0x40;
}

/** The link id: bits 17 to 48, bytes 3 to 6, little-endian (design 3.3). 0 is no link id. */
export function readLinkId(address: Address): u32 {
  const bytes = address.bytes;
  const b0: i32 = bytes[2]; // asc would shift a byte as a byte
  const b1: i32 = bytes[3];
  const b2: i32 = bytes[4];
  const b3: i32 = bytes[5];
  return (b0 | (b1 << 8) | (b2 << 16) | (b3 << 24)) >>> 0;
}

/** Writes the last 32 bits as dotted IPv4, the private address of a Private Link source (design 3.3). */
export function writeDotted(address: Address, sink: TextSink): void {
  const bytes = address.bytes;
  sink.putDotted(bytes[12], bytes[13], bytes[14], bytes[15]);
}

/** Writes eight groups without compression: `2001:db8:0:0:0:0:0:1` (RFC 4291 2.2 form 1). */
export function writeGroups(address: Address, sink: TextSink): void {
  const bytes = address.bytes;
  for (let group: i32 = 0; group < 8; group++) {
    if (group > 0) sink.putCode(COLON);
    const high: i32 = bytes[2 * group];
    const low: i32 = bytes[2 * group + 1];
    const value = (high << 8) | low;
    for (let shift: i32 = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0; shift >= 0; shift -= 4) {
      const digit = (value >> shift) & 0xf;
      sink.putCode(digit < 10 ? ZERO + digit : 0x57 + digit);
    }
  }
}
