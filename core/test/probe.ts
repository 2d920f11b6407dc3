// Core as wasm, for the tests. A call's texts lie one behind the other at `input`, and the call is given their lengths, -1 for
// null; what comes back is a number, or text at `output`.
import {
  Address,
  isIPv4,
  isPrivateLink,
  readAddress,
  readAddressBytes,
  readLinkId,
  writeDotted,
  writeGroups,
} from "../src/address.ts";
import { Decision, isHealthCheck, Table } from "../src/decide.ts";
import { allowsPublic, hasLinkIds, holdsLinkId, startOfLinkIds } from "../src/entry.ts";
import { isNewer, Line, readLine, readStartOver, writeEntry } from "../src/feed.ts";
import { Span, SpanSink } from "../src/glue/wasm/span.ts";
import { isReservedHeader } from "../src/header.ts";
import { Host, isAccount, splitHost, Zones } from "../src/host.ts";
import { denialBody, denialStatus, explainReason, isAllowed, REASONS } from "../src/reason.ts";
import { Listener, readLinkTlv, Source } from "../src/source.ts";
// biome-ignore lint/style/useImportType: asc knows none
import { Text } from "../src/text.ts";

export const inputSize: i32 = 1 << 17;
export const input: usize = memory.data(1 << 17);
export const output: usize = memory.data(1 << 17);

/** The table as the tests set it: one state, one entry. */
class ProbeTable extends Table {
  state: i32 = 0;
  entry: Text | null = null;

  readState(): i32 {
    return this.state;
  }

  findEntry(accountLength: i32): Text | null {
    return isAccount(first, 0, accountLength) ? this.entry : null;
  }
}

const zones = new Zones();
const host = new Host();
const address = new Address();
const line = new Line();
const source = new Source();
const table = new ProbeTable();
const out = new SpanSink(output);
const client = new SpanSink(memory.data(64));
const decision = new Decision(client, new SpanSink(memory.data(16)));
const first = new Span();
const second = new Span();
const third = new Span();
const entry = new Span();

/** An array of every length that a test needs, made here so that no call allocates. */
const octets: Uint8Array[] = [];
for (let length = 0; length <= 64; length++) octets.push(new Uint8Array(length));

/** The listeners of the two kinds, by TLV mode. */
const listeners: Listener[] = [];
for (let mode = 0; mode < 6; mode++) listeners.push(new Listener(mode < 3, mode % 3));

function bytesAt(start: usize, length: i32): Uint8Array {
  const bytes = octets[length];
  memory.copy(bytes.dataStart, start, <usize>length);
  return bytes;
}

export function addZone(publicLength: i32, privateLength: i32): bool {
  const publicSuffix = String.UTF8.decodeUnsafe(input, <usize>publicLength);
  return zones.add(publicSuffix, String.UTF8.decodeUnsafe(input + <usize>publicLength, <usize>privateLength));
}

export function clearZones(): void {
  zones.suffixes.length = 0;
  zones.privacy.length = 0;
}

/** Decides the request whose host, method, target, source, TLV and entry lie at `input`. A `sourceLength` of -1: the listener gave none. */
export function decide(
  hostLength: i32,
  methodLength: i32,
  targetLength: i32,
  sourceLength: i32,
  tlvLength: i32,
  entryLength: i32,
  isPrivateListener: bool,
  tlvMode: i32,
  state: i32,
): i32 {
  let at = input;
  first.at(at, hostLength).toLowerCase();
  at += <usize>hostLength;
  second.at(at, methodLength);
  at += <usize>methodLength;
  third.at(at, targetLength);
  at += <usize>targetLength;
  source.clear();
  if (sourceLength >= 0) {
    source.isReadable = readAddress(entry.at(at, sourceLength), source.address);
    at += <usize>sourceLength;
  }
  if (tlvLength >= 0) {
    readLinkTlv(bytesAt(at, tlvLength), source);
    at += <usize>tlvLength;
  }
  table.state = state;
  table.entry = entryLength < 0 ? null : entry.at(at, entryLength);
  return decision.decide(first, second, third, source, listeners[tlvMode + (isPrivateListener ? 0 : 3)], zones, table);
}

/** The same decision, `times` over; the sum of the reasons. */
export function decideTimes(
  times: i32,
  hostLength: i32,
  methodLength: i32,
  targetLength: i32,
  sourceLength: i32,
  tlvLength: i32,
  entryLength: i32,
  isPrivateListener: bool,
  tlvMode: i32,
  state: i32,
): i32 {
  let sum = 0;
  for (let time = 0; time < times; time++) {
    sum += decide(
      hostLength,
      methodLength,
      targetLength,
      sourceLength,
      tlvLength,
      entryLength,
      isPrivateListener,
      tlvMode,
      state,
    );
  }
  return sum;
}

export function accountLength(): i32 {
  return decision.host.accountLength;
}

export function linkId(): u32 {
  return decision.link.id;
}

export function clientStart(): usize {
  return client.span.start;
}

export function clientLength(): i32 {
  return client.text.length;
}

/** Where the next allocation would go: another place, and something has allocated. */
export function nextAllocation(): usize {
  const place = heap.alloc(64);
  heap.free(place);
  return place;
}

export function outputLength(): i32 {
  return out.text.length;
}

export function readReason(reason: i32): void {
  out.clear();
  out.putWord(REASONS[reason]);
}

export function readExplanation(reason: i32): void {
  out.clear();
  out.putWord(explainReason(reason));
}

export function readDenialBody(reason: i32): void {
  out.clear();
  out.putWord(denialBody(reason));
}

export { denialStatus, isAllowed };

export function parseAddress(length: i32): bool {
  return readAddress(first.at(input, length), address);
}

export function parseAddressBytes(length: i32): bool {
  return readAddressBytes(bytesAt(input, length), address);
}

export function addressGroup(group: i32): i32 {
  const bytes = address.bytes;
  const high: i32 = bytes[2 * group];
  const low: i32 = bytes[2 * group + 1];
  return (high << 8) | low;
}

export function addressIsIPv4(): bool {
  return isIPv4(address);
}

export function addressIsPrivateLink(): bool {
  return isPrivateLink(address);
}

export function addressLinkId(): u32 {
  return readLinkId(address);
}

export function writeAddressDotted(): void {
  out.clear();
  writeDotted(address, out);
}

export function writeAddressGroups(): void {
  out.clear();
  writeGroups(address, out);
}

export function parseHost(length: i32): bool {
  return splitHost(first.at(input, length), zones, host);
}

export function hostAccountLength(): i32 {
  return host.accountLength;
}

export function hostIsPrivate(): bool {
  return host.isPrivate;
}

export function parseAccount(length: i32): bool {
  return isAccount(first.at(input, length), 0, length);
}

export function parseHealthCheck(methodLength: i32, targetLength: i32): bool {
  return isHealthCheck(first.at(input, methodLength), second.at(input + <usize>methodLength, targetLength));
}

export function parseHeader(length: i32): bool {
  return isReservedHeader(first.at(input, length));
}

export function parseLine(length: i32, from: i32, end: i32): i32 {
  return readLine(first.at(input, length), from, end, line);
}

/** A field of the line that `parseLine` read, in the order of the class. */
export function lineField(field: i32): i32 {
  if (field === 0) return line.nameStart;
  if (field === 1) return line.nameEnd;
  if (field === 2) return line.versionStart;
  if (field === 3) return line.versionEnd;
  if (field === 4) return line.recordStart;
  return line.end;
}

/** The entry that the line just read makes; the page is still at `input`. */
export function writeLineEntry(kind: i32): void {
  writeEntry(first, line, kind, out);
}

/** Compares the line just read with the entry that lies behind its page. */
export function lineIsNewer(entryLength: i32): bool {
  return isNewer(first, line, entry.at(input + <usize>first.length, entryLength));
}

export function parseStartOver(length: i32): i32 {
  return readStartOver(first.at(input, length));
}

export function entryStart(length: i32): i32 {
  return startOfLinkIds(entry.at(input, length));
}

/** Of the entry that `entryStart` read. */
export function entryAllowsPublic(): bool {
  return allowsPublic(entry);
}

export function entryHasLinkIds(start: i32): bool {
  return hasLinkIds(entry, start);
}

export function entryHolds(start: i32, id: u32): bool {
  out.clear();
  out.putDecimal(id);
  return holdsLinkId(entry, start, out.text);
}
