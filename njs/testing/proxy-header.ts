import { BlockList, isIPv6 } from "node:net";

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const FAMILY = { unspecified: 0x00, tcp4: 0x11, udp4: 0x12, tcp6: 0x21, udp6: 0x22, unix: 0x31 } as const;

/** A type-length-value of a PROXY v2 header; the length is written from the value. */
export type Tlv = { type: number; value: Uint8Array };

/** What {@link writeProxyHeader} writes. Ports are 0..65535 and of no meaning to the gate. */
export type ProxyHeader = {
  /** Default `PROXY`. `LOCAL` is what a balancer's own health probe sends. */
  command?: "PROXY" | "LOCAL";
  /** Default: `tcp4` or `tcp6`, as the source is. `unspecified` writes no addresses. */
  family?: keyof typeof FAMILY;
  /** IPv4 or IPv6 text, also IPv4-mapped. Default `::1`. */
  source?: string;
  sourcePort?: number;
  destination?: string;
  destinationPort?: number;
  tlvs?: readonly Tlv[];
};

/**
 * Writes a PROXY protocol header, version 2 (binary form of the PROXY protocol specification, section 2.2).
 * @throws RangeError for a text that is no address
 */
export function writeProxyHeader(header: ProxyHeader): Buffer {
  const source = header.source ?? "::1";
  const family = header.family ?? (isIPv6(source) ? "tcp6" : "tcp4");
  const tlvs = (header.tlvs ?? []).map(writeTlv);
  const payload = Buffer.concat([writeAddresses(header, source, family), ...tlvs]);
  const head = Buffer.alloc(4);
  head[0] = header.command === "LOCAL" ? 0x20 : 0x21;
  head[1] = FAMILY[family];
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([SIGNATURE, head, payload]);
}

/** Azure's TLV 0xEE: sub-type 0x01, then the link id as uint32 little-endian (design 3.3). */
export function linkTlv(linkId: number): Tlv {
  const value = Buffer.alloc(5);
  value[0] = 1;
  value.writeUInt32LE(linkId, 1);
  return { type: 0xee, value };
}

/**
 * The address that a private endpoint's traffic comes from: `fd40:`, link id little-endian, virtual network, subnet, and the
 * customer's private IPv4 address in the last 32 bits (design 3.3).
 * @param linkId 1..4294967295
 * @param privateAddress dotted IPv4
 */
export function linkAddress(linkId: number, privateAddress: string): string {
  const bytes = Buffer.from("fd40000000006810316c0200", "hex");
  bytes.writeUInt32LE(linkId, 2);
  return formatIPv6(Buffer.concat([bytes, parseIPv4(privateAddress)]));
}

/** The 16 bytes of an IPv6 address, or the 4 of an IPv4 address, in network order. @throws RangeError */
export function parseAddress(text: string): Buffer {
  return isIPv6(text) ? parseIPv6(text) : parseIPv4(text);
}

function writeTlv(tlv: Tlv): Buffer {
  const head = Buffer.alloc(3);
  head[0] = tlv.type;
  head.writeUInt16BE(tlv.value.length, 1);
  return Buffer.concat([head, tlv.value]);
}

function writeAddresses(header: ProxyHeader, source: string, family: keyof typeof FAMILY): Buffer {
  if (family === "unspecified") return Buffer.alloc(0);
  if (family === "unix") return Buffer.alloc(216);
  const is6 = family === "tcp6" || family === "udp6";
  const toBytes = is6 ? parseIPv6 : parseIPv4;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(header.sourcePort ?? 50_000, 0);
  ports.writeUInt16BE(header.destinationPort ?? 443, 2);
  const destination = header.destination ?? (is6 ? "::1" : "127.0.0.1");
  return Buffer.concat([toBytes(source), toBytes(destination), ports]);
}

function parseIPv4(text: string): Buffer {
  const parts = text.split(".");
  const isDotted = parts.length === 4 && parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  if (!isDotted) throw new RangeError(`${text} is no IPv4 address`);
  return Buffer.from(parts.map(Number));
}

function parseIPv6(text: string): Buffer {
  // Node's own parser judges; what it accepts is easy to take apart.
  new BlockList().addAddress(text, "ipv6");
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const plain = dotted
    ? `${dotted[1]}${parseIPv4(dotted[2] ?? "")
        .toString("hex")
        .replace(/^(.{4})/, "$1:")}`
    : text;
  const [head = "", tail] = plain.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...first, ...Array<string>(8 - first.length - last.length).fill("0"), ...last];
  return Buffer.from(groups.map(group => group.padStart(4, "0")).join(""), "hex");
}

function formatIPv6(bytes: Buffer): string {
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(bytes.readUInt16BE(at).toString(16));
  return groups.join(":");
}
