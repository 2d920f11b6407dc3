import { linkTlv, type ProxyHeader, type Tlv, writeProxyHeader } from "@linkgate/njs/testing";
import type { Random } from "./random.ts";
import { LINK_ADDRESSES, LINKS } from "./world.ts";

/** Addresses that a balancer may tell of. */
export const SOURCES = [
  LINK_ADDRESSES.contoso,
  LINK_ADDRESSES.fabrikam,
  LINK_ADDRESSES.nobody,
  "fd40::a01:104", // link id 0
  "fde4:8dba:1200:98db:6a12:300:a02:126", // a service endpoint's (link-id.md A3)
  "fd00:8913:31:6810:6c31:200:a01:104",
  "2a40:8913:31:6810:6c31:200:a01:104",
  "::ffff:10.1.1.4",
  "203.0.113.7",
  "2001:db8::7",
  "127.0.0.1",
  "::1",
] as const;

/** TLV 0xEE in forms that aren't a link id, though some reader could take them for one. */
export const MALFORMED_LINK_TLVS: readonly Tlv[] = [
  "",
  "01",
  "01891300",
  "018913003100",
  "0289130031",
  "0089130031",
  "89130031",
  "0100000000",
].map(hex => ({ type: 0xee, value: Buffer.from(hex, "hex") }));

const OTHER_TLVS: readonly Tlv[] = [
  { type: 0x04, value: Buffer.alloc(3) },
  { type: 0x02, value: Buffer.from("contoso.privatelink.azurehealthcareapis.com") },
  { type: 0x03, value: Buffer.from("deadbeef", "hex") },
  { type: 0xea, value: Buffer.from("\x01vpce-08d2bf15fac5001c9") },
  { type: 0xef, value: linkTlv(LINKS.contoso).value },
];

/** Sources that HTTP can't come from. */
const NOT_TCP: readonly ProxyHeader[] = [
  { family: "unspecified" },
  { family: "udp4", source: "10.1.1.4" },
  { family: "udp6", source: LINK_ADDRESSES.contoso },
  { family: "unix" },
];

/** A whole PROXY header of a balancer that keeps to the specification. */
export function generateSoundPreface(random: Random): Buffer {
  const source = random.chance(70) ? random.pick(SOURCES.slice(0, 2)) : random.pick(SOURCES);
  const kind = random.below(20);
  if (kind === 0) return writeProxyHeader({ command: "LOCAL", source });
  if (kind === 1) return writeProxyHeader({ command: "LOCAL", family: "unspecified" });
  if (kind === 2) return writeProxyHeader(random.pick(NOT_TCP));
  if (kind === 3) return writeVersion1(source);
  if (kind < 8) return writeProxyHeader({ source, tlvs: [...generateTlvs(random), ...generateTlvs(random)] });
  return writeProxyHeader({ source });
}

function generateTlvs(random: Random): Tlv[] {
  const link = () => linkTlv(random.pick([LINKS.contoso, LINKS.fabrikam, LINKS.nobody]));
  switch (random.below(4)) {
    case 0:
      return [random.pick(OTHER_TLVS)];
    case 1:
      return [random.pick(MALFORMED_LINK_TLVS)];
    case 2:
      return [link(), link()];
    default:
      return [link()];
  }
}

function writeVersion1(source: string): Buffer {
  const family = source.includes(":") ? "TCP6" : "TCP4";
  return Buffer.from(`PROXY ${family} ${source} ${family === "TCP6" ? "::1" : "127.0.0.1"} 50000 443\r\n`);
}

/** Headers that are none. `undefined`: no header where one is due. */
export const BROKEN_PREFACES: readonly ((header: Buffer) => Buffer | undefined)[] = [
  () => undefined,
  header => header.subarray(0, 11),
  header => header.subarray(0, 15),
  header => header.subarray(0, 40),
  header => Buffer.concat([header, header]),
  header => patch(header, 12, 0x11), // version 1 in the binary form
  header => patch(header, 12, 0x31),
  header => patch(header, 12, 0x2f), // a command that nobody knows
  header => patch(header, 13, 0xff),
  header => patch(header, 14, 0xff), // a length beyond what comes
  header => patch(header, 15, 8), // no room for the addresses
  header => patch(header, 15, 0),
  header => withRest(header, [0xee, 0x00]), // TLV lists that break
  header => withRest(header, [0xee, 0x00, 0x05, 0x01, 0x89]),
  header => withRest(header, [0xee, 0xff, 0xff, 0x01, 0x89, 0x13, 0x00, 0x31]),
  header => withRest(header, [0x04, 0x00, 0xff, 0xee, 0x00, 0x05, 0x01, 0x89, 0x13, 0x00, 0x31]),
  header => withRest(header, [0xee, 0x00, 0x05, 0x01, 0x89, 0x13, 0x00, 0x31, 0x04]),
  ...[
    `PROXY TCP6 ${LINK_ADDRESSES.contoso} ::1 50000 443\n`,
    `PROXY TCP6 ${LINK_ADDRESSES.contoso} ::1 50000\r\n`,
    `PROXY TCP6 ${LINK_ADDRESSES.contoso} ::1 99999 443\r\n`,
    `PROXY TCP6 ${LINK_ADDRESSES.contoso} ::1 50000 443 x\r\n`,
    `PROXY TCP6  ${LINK_ADDRESSES.contoso} ::1 50000 443\r\n`,
    `PROXY TCP4 ${LINK_ADDRESSES.contoso} ::1 50000 443\r\n`,
    `PROXY TCP9 ${LINK_ADDRESSES.contoso} ::1 50000 443\r\n`,
    `proxy TCP6 ${LINK_ADDRESSES.contoso} ::1 50000 443\r\n`,
    `PROXY TCP6 ${LINK_ADDRESSES.contoso}%lo ::1 50000 443\r\n`,
    `PROXY TCP6 ${LINK_ADDRESSES.contoso}:0 ::1 50000 443\r\n`,
    "PROXY TCP4 10.1.1.4.5 127.0.0.1 50000 443\r\n",
    "PROXY TCP4 10.1.1 127.0.0.1 50000 443\r\n",
    `PROXY UNKNOWN ${LINK_ADDRESSES.contoso} ::1 50000 443\r\n`,
    "PROXY UNKNOWN\r\n",
    `PROXY TCP6 ${LINK_ADDRESSES.contoso} ::1 50000 443\r\nPROXY TCP6 ${LINK_ADDRESSES.contoso} ::1 1 1\r\n`,
    `PROXY UNKNOWN ${"x".repeat(200)}\r\n`,
  ].map(text => () => Buffer.from(text)),
];

/** A header that a client puts where none is due. */
export function writeForgedPreface(random: Random): Buffer {
  const header: ProxyHeader = { source: LINK_ADDRESSES.contoso, tlvs: [linkTlv(LINKS.contoso)] };
  return random.chance(50) ? writeProxyHeader(header) : writeVersion1(LINK_ADDRESSES.contoso);
}

function patch(header: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(header);
  copy[at] = value;
  return copy;
}

function withRest(header: Buffer, rest: readonly number[]): Buffer {
  const whole = Buffer.concat([header, Buffer.from(rest)]);
  whole.writeUInt16BE(whole.length - 16, 14);
  return whole;
}
