import { randomInt } from "node:crypto";

/** Where a request that comes through a private endpoint seems to come from. */
export interface LinkPlace {
  /** Unsigned 32 bits. */
  linkId: number;
  /** The VNet traffic tag, unsigned 32 bits: a region in the top byte, a number below it. */
  vnetTag: number;
  /** Number of the subnet in its VNet, 16 bits. */
  subnet: number;
  /** The client's private IPv4 address. */
  privateAddress: string;
}

/** The region of the sandbox, as it shows in link ids and VNet tags. */
const region = 0x31;

/**
 * Link ids as Azure's look: a region and a small counter. The first is 822088585 (0x31001389). A freed id is handed out
 * again at once, the last one first: the worst that Azure may do, and the reason why a deletion must mean it (link-id.md
 * A6).
 */
export class LinkPool {
  readonly #freed: number[] = [];
  #next = region * 0x1000000 + 0x1389;

  take(): number {
    return this.#freed.pop() ?? this.#next++;
  }

  free(linkId: number): void {
    if (!this.#freed.includes(linkId)) this.#freed.push(linkId);
  }
}

/**
 * Gives each VNet a traffic tag and each of its subnets a number, in the order of arrival. The first tag is random, as
 * nobody may rely on it; so two sandboxes of one machine never want the same link address.
 */
export class VirtualNetworks {
  readonly #first = randomInt(0xffff00);
  readonly #subnets = new Map<string, string[]>();

  /** @param subnetId ARM id of a subnet, `.../virtualNetworks/{vnet}/subnets/{subnet}`. */
  locate(subnetId: string): { vnetTag: number; subnet: number } {
    const [vnet = "", subnet = ""] = subnetId.toLowerCase().split("/subnets/");
    const subnets = this.#subnets.get(vnet) ?? [];
    this.#subnets.set(vnet, subnets);
    if (!subnets.includes(subnet)) subnets.push(subnet);
    const number = [...this.#subnets.keys()].indexOf(vnet);
    return { vnetTag: region * 0x1000000 + this.#first + number, subnet: subnets.indexOf(subnet) + 1 };
  }
}

/** The link id as four bytes, the least significant first: the order of address and TLV alike (link-id.md A1, B1). */
function encodeLinkId(linkId: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(linkId);
  return bytes;
}

/** The IPv6 source address that Azure gives a connection through Private Link (link-id.md A2): fd40, and what follows. */
export function composeLinkAddress(place: LinkPlace): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16BE(0xfd40, 0);
  encodeLinkId(place.linkId).copy(bytes, 2);
  bytes.writeUInt32LE(place.vnetTag, 6);
  bytes.writeUInt16LE(place.subnet, 10);
  for (const [index, part] of place.privateAddress.split(".").entries()) bytes.writeUInt8(Number(part), 12 + index);
  const hextets = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return hextets.join(":");
}

/** The value of the PROXY protocol v2 TLV 0xEE, as hex: sub-type 1 and the link id. */
export function composeLinkTlv(linkId: number): string {
  return Buffer.concat([Buffer.of(1), encodeLinkId(linkId)]).toString("hex");
}
