import { isIP } from "node:net";
import { parseAddress } from "@linkgate/njs/testing";
import type { GateReading } from "./gate-readings.ts";

/** What the bytes at the beginning of a connection say, read by the PROXY protocol's specification (sections 2.1 and 2.2). */
export type ProxyReading =
  | { readonly kind: "refused"; readonly why: string }
  | {
      readonly kind: "read";
      /** Bytes of the header; HTTP begins behind them. */
      readonly length: number;
      /** 4 or 16 bytes; null when the header names no source: LOCAL, UNKNOWN, not TCP. */
      readonly source: Buffer | null;
      /** The value of the TLV 0xEE that counts; null if there is none, or if the list is broken before it. */
      readonly linkTlv: Buffer | null;
    };

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const LINK_TLV = 0xee;
/** The specification's own limit is 107 bytes (section 2.1), but a longer line is as plain. */
const LONGEST_V1 = 4096;

/** Reads the PROXY header that a connection must begin with. */
export function readProxyHeader(bytes: Buffer, reading: GateReading): ProxyReading {
  return bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE) ? readVersion2(bytes, reading) : readVersion1(bytes);
}

function readVersion2(bytes: Buffer, reading: GateReading): ProxyReading {
  if (bytes.length < 16) return refuse("a truncated header");
  const versionAndCommand = bytes.readUInt8(12);
  if (versionAndCommand >> 4 !== 2) return refuse("another version");
  const length = 16 + bytes.readUInt16BE(14);
  if (bytes.length < length) return refuse("a truncated payload");
  const family = bytes.readUInt8(13);
  // LOCAL. The specification wants a connection with any other command dropped; as LOCAL it gets health checks at most.
  const isProxy = (versionAndCommand & 0x0f) === 1;
  // Only TCP over IPv4 and IPv6 name a source that HTTP can come from.
  const size = sizeOf(family) || (reading.believesUdp ? sizeOf(family - 1) : 0);
  if (isProxy && size === 0 && reading.refusesOtherFamilies) return refuse("an address of another kind");
  if (!isProxy || size === 0) return { kind: "read", length, source: null, linkTlv: null };
  const end = 16 + 2 * size + 4;
  if (length < end) return refuse("no room for the addresses");
  const tlvs = readTlvs(bytes.subarray(end, length));
  if (!tlvs.isWhole && reading.brokenTlvs === "refused") return refuse("a broken list of TLVs");
  const links = tlvs.list.filter(tlv => tlv.type === LINK_TLV);
  const link = reading.linkTlv === "first" ? links[0] : links.at(-1);
  return { kind: "read", length, source: bytes.subarray(16, 16 + size), linkTlv: link?.value ?? null };
}

/** Bytes of an address of this family, 0 for any but TCP. */
function sizeOf(family: number): number {
  return family === 0x11 ? 4 : family === 0x21 ? 16 : 0;
}

/** The TLVs until the list ends or breaks. */
function readTlvs(bytes: Buffer): { list: { type: number; value: Buffer }[]; isWhole: boolean } {
  const list: { type: number; value: Buffer }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 3 <= bytes.length ? at + 3 + bytes.readUInt16BE(at + 1) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) return { list, isWhole: false };
    list.push({ type: bytes.readUInt8(at), value: bytes.subarray(at + 3, end) });
    at = end;
  }
  return { list, isWhole: true };
}

function readVersion1(bytes: Buffer): ProxyReading {
  const end = bytes.subarray(0, LONGEST_V1).indexOf("\r\n");
  if (end < 0) return refuse("no PROXY header");
  const [word, protocol, source = "", destination = "", sourcePort = "", destinationPort = "", ...more] = bytes
    .toString("latin1", 0, end)
    .split(" ");
  if (word !== "PROXY") return refuse("no PROXY header");
  const length = end + 2;
  if (protocol !== "TCP4" && protocol !== "TCP6") return { kind: "read", length, source: null, linkTlv: null };
  const isRight = isIP(source) > 0 && isIP(destination) > 0 && [sourcePort, destinationPort].every(isPort);
  // What is not right names no source, and gets health checks at most. Either family under either word: a balancer's slip.
  const isRead = isRight && more.length === 0;
  return { kind: "read", length, source: isRead ? parseAddress(source) : null, linkTlv: null };
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535;
}

function refuse(why: string): ProxyReading {
  return { kind: "refused", why };
}
