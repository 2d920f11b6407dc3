import { linkTlv, type Tlv, writeProxyHeader } from "@linkgate/njs/testing";
import { makePlan, type Plan, type Way } from "../attackers/generate.ts";
import { Random } from "../attackers/random.ts";
import { ENTRIES, LINK_ADDRESSES, LINKS } from "../attackers/world.ts";
import { ZONE } from "../gates/index.ts";

// Requests that are well-formed, and near to what is admitted: hosts, paths, addresses and TLVs at random. What is malformed is
// the attackers' matter.

/**
 * The request of this number under this seed, on a connection of its own: always the same.
 * @param ways of which the first is the load balancer's
 */
export function generateRequest(seed: number, index: number, ways: readonly [Way, ...(Way | undefined)[]]): Plan {
  const random = new Random(seed, index);
  const way = random.chance(80) ? ways[0] : (ways[random.below(ways.length)] ?? ways[0]);
  const preface = way.listener === "proxy" ? writePreface(random) : Buffer.alloc(0);
  const method = random.pick(["GET", "GET", "GET", "HEAD", "POST", "OPTIONS"]);
  const head = `${method} ${writeTarget(random, `~${index}.0~`)} HTTP/1.1\r\nHost: ${writeHost(random)}\r\n\r\n`;
  return makePlan(index, way, Buffer.concat([preface, Buffer.from(head)]), []);
}

function writeHost(random: Random): string {
  const account = random.chance(85)
    ? random.pick([...ENTRIES.keys()])
    : writeWord(random, "abcxyz019-", 1 + random.below(70));
  const suffix = random.chance(90)
    ? random.pick([ZONE.private, ZONE.private, ZONE.public])
    : random.pick(["", "net", `x${ZONE.public}`, `privatelink.${ZONE.private}`, ZONE.private.slice(1)]);
  let host = `${account}.${suffix}`;
  if (random.chance(8)) host = change(random, host, "abcz019-._");
  if (random.chance(10)) host = host.toUpperCase();
  if (random.chance(8)) host = `${host}.`;
  return random.chance(10) ? `${host}:${random.below(65_536)}` : host;
}

/** A path of a few segments, of which some mean something to somebody. The mark stands in the query, which is no part of it. */
function writeTarget(random: Random, mark: string): string {
  const segments = random.chance(40)
    ? ["health", "check"]
    : Array.from({ length: 1 + random.below(4) }, () =>
        random.pick(["health", "check", "Patient", "metadata", "..", ".", "", writeWord(random, "aZ09-._~$;=@", 6)]),
      );
  let path = segments
    .map(segment => `${random.chance(96) ? "/" : random.pick(["//", "/./", "/x/../", "\\"])}${segment}`)
    .join("");
  if (random.chance(8)) path = change(random, path, "aekh/._~-;");
  if (random.chance(6))
    path = path.replace(random.pick(["h", "e", "a", "c", "."]), one => `%${one.charCodeAt(0).toString(16)}`);
  if (random.chance(3)) path = path.toUpperCase();
  const query = random.chance(20) ? `name=${writeWord(random, "aZ09-._~%41&=", 8)}&` : "";
  const target = `/${path.replace(/^[/\\]+/, "")}?${query}`;
  // What is a mark by chance would make this another plan's request.
  return `${target.replaceAll(/~(?=\d+\.\d+~)/g, "")}${mark}`;
}

function writePreface(random: Random): Buffer {
  const linkId = random.pick([LINKS.contoso, LINKS.fabrikam, LINKS.nobody, random.next()]);
  const source = random.chance(60) ? random.pick(Object.values(LINK_ADDRESSES)) : writeAddress(random);
  const command = random.chance(3) ? "LOCAL" : "PROXY";
  return writeProxyHeader({ source, command, tlvs: random.chance(50) ? [writeTlv(random, linkId)] : [] });
}

function writeTlv(random: Random, linkId: number): Tlv {
  const tlv = linkTlv(linkId);
  if (random.chance(70)) return tlv;
  const value = Buffer.from(tlv.value);
  if (random.chance(50)) value[random.below(value.length)] = random.below(256);
  return { type: random.chance(80) ? 0xee : random.below(256), value: value.subarray(0, 1 + random.below(5)) };
}

/** Near to a link address in one of its first bytes, or of the public network. */
function writeAddress(random: Random): string {
  if (random.chance(25)) return `203.0.113.${1 + random.below(254)}`;
  if (random.chance(15)) return random.pick(["2001:db8::7", "::ffff:10.1.1.4", "::1", "fe80::1", "64:ff9b::1"]);
  const groups = Array.from({ length: 8 }, () => random.below(65_536));
  groups[0] = random.pick([0xfd40, 0xfd40, 0xfd40 + random.below(64), 0xfd00, 0xfc40, 0xfd80, 0x2a40]);
  if (random.chance(50)) [groups[1], groups[2]] = [0x8913, 0x31];
  return groups.map(group => group.toString(16)).join(":");
}

function writeWord(random: Random, letters: string, length: number): string {
  return Array.from({ length }, () => random.pick([...letters])).join("");
}

/** The text with one letter put in, taken out or changed. */
function change(random: Random, text: string, letters: string): string {
  const at = random.below(text.length);
  return text.slice(0, at) + (random.chance(30) ? "" : random.pick([...letters])) + text.slice(at + random.below(2));
}
