import { Address, isIPv4, isPrivateLink, readLinkId, writeGroups } from "./address.ts";
import { Text, TextSink } from "./text.ts";

/** Whether a listener reads the link id from PROXY v2 TLV 0xEE (design 3.3). */
export const TLV_OFF: i32 = 0;
export const TLV_OPTIONAL: i32 = 1;
export const TLV_REQUIRED: i32 = 2;

/** What kind of listener a request came in by. Configuration. */
export class Listener {
  /** Link ids are believed here. Elsewhere a `fd40::/10` address is unreadable: a quarter of all random ULAs lie there. */
  readonly isPrivateLink: bool;
  /** `TLV_OFF`, `TLV_OPTIONAL` or `TLV_REQUIRED`; of no effect where link ids are not believed. */
  readonly tlvMode: i32;

  constructor(isPrivateLink: bool, tlvMode: i32) {
    this.isPrivateLink = isPrivateLink;
    this.tlvMode = tlvMode;
  }
}

const TLV_ABSENT: i32 = 0;
const TLV_PRESENT: i32 = 1;
const TLV_MALFORMED: i32 = 2;

/** Where a request came from: only what the connection itself says, never a header. A gate makes one and reuses it. */
export class Source {
  readonly address: Address = new Address();
  /**
   * True if `address` was read and is the connection's own, or was given by a PROXY header from a load balancer. False for
   * a text that is no address, a PROXY header from any other peer, and PROXY LOCAL.
   */
  isReadable: bool = false;
  tlvState: i32 = TLV_ABSENT;
  tlvLinkId: u32 = 0;

  /** Forgets the request before. Every gate calls it first. */
  clear(): void {
    this.isReadable = false;
    this.tlvState = TLV_ABSENT;
    this.tlvLinkId = 0;
  }
}

/** Reads the value of PROXY v2 TLV 0xEE: sub-type 0x01, then the link id as uint32 little-endian, exactly 5 bytes (design 3.3). */
export function readLinkTlv(value: Uint8Array, source: Source): void {
  source.tlvState = TLV_MALFORMED;
  source.tlvLinkId = 0;
  if (value.length !== 5 || value[0] !== 1) return;
  const b1: i32 = value[1];
  const b2: i32 = value[2];
  const b3: i32 = value[3];
  const b4: i32 = value[4];
  source.tlvLinkId = (b1 | (b2 << 8) | (b3 << 16) | (b4 << 24)) >>> 0;
  if (source.tlvLinkId !== 0) source.tlvState = TLV_PRESENT;
}

/** What a source turned out to be. */
export const SOURCE_PUBLIC: i32 = 0;
export const SOURCE_LINK: i32 = 1;
export const SOURCE_UNREADABLE: i32 = 2;
export const SOURCE_CONFLICTING: i32 = 3;

/** The link of a request, if it came through one. A gate makes one and reuses it. */
export class Link {
  /** 1 to 4294967295; 0 when the request did not come through Private Link. */
  id: u32 = 0;
}

/** Tells Private Link from the public network and reads the link id (design 3.3). `link.id` is set for `SOURCE_LINK` alone. */
export function classifySource(source: Source, listener: Listener, link: Link): i32 {
  link.id = 0;
  if (!source.isReadable) return SOURCE_UNREADABLE;
  const byAddress = isPrivateLink(source.address);
  if (!listener.isPrivateLink) return byAddress ? SOURCE_UNREADABLE : SOURCE_PUBLIC;

  let tlvLinkId: u32 = 0;
  if (listener.tlvMode !== TLV_OFF) {
    if (source.tlvState === TLV_MALFORMED) return SOURCE_UNREADABLE;
    if (source.tlvState === TLV_ABSENT && listener.tlvMode === TLV_REQUIRED) return SOURCE_UNREADABLE;
    tlvLinkId = source.tlvLinkId;
  }
  if (!byAddress) {
    link.id = tlvLinkId;
    return tlvLinkId === 0 ? SOURCE_PUBLIC : SOURCE_LINK;
  }
  const addressLinkId = readLinkId(source.address);
  if (addressLinkId === 0) return SOURCE_UNREADABLE;
  if (tlvLinkId !== 0 && tlvLinkId !== addressLinkId) return SOURCE_CONFLICTING;
  link.id = addressLinkId;
  return SOURCE_LINK;
}

/**
 * Writes the client as log and upstream see it, `privateip:linkid` (requirement, "audit logging"): `10.1.1.4:822088585`.
 * With the link id from the TLV alone the private address is the source address; one that is IPv6 stands in brackets.
 * @param linkId in decimal
 * @param sink empty
 */
export function writeClient(source: Source, linkId: Text, sink: TextSink): void {
  const bytes = source.address.bytes;
  if (isPrivateLink(source.address) || isIPv4(source.address)) {
    sink.putDottedWith(bytes[12], bytes[13], bytes[14], bytes[15], linkId);
    return;
  }
  sink.putCode(0x5b);
  writeGroups(source.address, sink);
  sink.putWord("]:");
  sink.putPart(linkId, 0, linkId.length);
}
