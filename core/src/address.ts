import { COLON, DOT, hexDigit, isDigit, Text, TextSink, ZERO } from "./text.ts";

/** An IP address as the eight 16-bit groups in which RFC 4291 writes it; IPv4 as IPv4-mapped. A gate makes one and reuses it. */
export class Address {
  readonly groups: Int32Array = new Int32Array(8);
}

/** Reads 4 or 16 bytes in network order (`$binary_remote_addr`). False, and `address` of no meaning, for any other length. */
export function readAddressBytes(bytes: Uint8Array, address: Address): bool {
  const groups = address.groups;
  if (bytes.length === 4) {
    clearToMapped(groups);
    groups[6] = 256 * bytes[0] + bytes[1]; // a sum that begins with 256, so that asc makes it 32 bits wide
    groups[7] = 256 * bytes[2] + bytes[3];
    return true;
  }
  if (bytes.length !== 16) return false;
  // No loop: QuickJS takes three times as long for one, at each request.
  groups[0] = 256 * bytes[0] + bytes[1];
  groups[1] = 256 * bytes[2] + bytes[3];
  groups[2] = 256 * bytes[4] + bytes[5];
  groups[3] = 256 * bytes[6] + bytes[7];
  groups[4] = 256 * bytes[8] + bytes[9];
  groups[5] = 256 * bytes[10] + bytes[11];
  groups[6] = 256 * bytes[12] + bytes[13];
  groups[7] = 256 * bytes[14] + bytes[15];
  return true;
}

/**
 * Reads an address as text: IPv4 in dotted form without leading zeros, or IPv6 in all three forms of RFC 4291 section 2.2,
 * without zone and brackets. False, and `address` of no meaning, if it is neither.
 */
export function readAddress(text: Text, address: Address): bool {
  const groups = address.groups;
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
  const groups = address.groups;
  return (groups[0] | groups[1] | groups[2] | groups[3] | groups[4]) === 0 && groups[5] === 0xffff;
}

/** True if Private Link wrote the address: it lies in `fd40::/10` (requirement "10th bit", design 3.3). */
export function isPrivateLink(address: Address): bool {
  return (address.groups[0] & 0xffc0) === 0xfd40;
}

/** The link id: bits 17 to 48, bytes 3 to 6, little-endian (design 3.3). 0 is no link id. */
export function readLinkId(address: Address): u32 {
  const first = address.groups[1];
  const second = address.groups[2];
  return (((second & 0xff) << 24) | ((second >> 8) << 16) | ((first & 0xff) << 8) | (first >> 8)) >>> 0;
}

/** Writes the last 32 bits as dotted IPv4, the private address of a Private Link source (design 3.3). */
export function writeDotted(address: Address, sink: TextSink): void {
  sink.putDotted(address.groups[6], address.groups[7]);
}

/** Writes eight groups without compression: `2001:db8:0:0:0:0:0:1` (RFC 4291 2.2 form 1). */
export function writeGroups(address: Address, sink: TextSink): void {
  for (let group: i32 = 0; group < 8; group++) {
    if (group > 0) sink.putCode(COLON);
    const value = address.groups[group];
    for (let shift: i32 = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0; shift >= 0; shift -= 4) {
      const digit = (value >> shift) & 0xf;
      sink.putCode(digit < 10 ? ZERO + digit : 0x57 + digit);
    }
  }
}
