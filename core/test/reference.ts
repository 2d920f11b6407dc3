// The decision and the feed's lines a second time, by other means: Node's own reading of addresses, regular expressions, BigInt and
// sets. Slow, full of allocations, and written from design section 3 rather than from core.
import { isIP } from "node:net";
import { type Answer, isAddressGiven, type Question, ZONE } from "../testing/answer.ts";
import type { ReadLine } from "./engine.ts";

const ACCOUNT = /^(?!-)(?!..--)[a-z0-9-]{1,63}(?<!-)$/;
const HEALTH_CHECK = /^\/health\/check(?:$|\?)/;

/** The 16 bytes of an address as one number, IPv4 as IPv4-mapped, as Node reads it; null for a text that is none. */
export function readAddressByNode(text: string): bigint | null {
  const version = isIP(text);
  if (version === 0 || text.includes("%")) return null;
  if (version === 4) {
    return text.split(".").reduce((value, part) => (value << 8n) | BigInt(part), 0xffffn);
  }
  const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(8 - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

/** The link id of an address: bytes 3 to 6, the last the most significant. */
export function linkIdByBytes(address: bigint): number {
  const bytes = Buffer.from(address.toString(16).padStart(32, "0"), "hex");
  return bytes.readUInt32LE(2);
}

function hexOf(address: bigint): string {
  return address.toString(16).padStart(32, "0");
}

function dottedOf(address: bigint): string {
  return [...Buffer.from(hexOf(address).slice(24), "hex")].join(".");
}

function splitHostByPattern(host: string): { account: string; isPrivate: boolean } | null {
  const match = /^([^:]*?)\.?(?::(\d{1,5}))?$/.exec(host);
  if (match?.[1] === undefined || Number(match[2] ?? 0) > 65535) return null;
  for (const [suffix, isPrivate] of [[ZONE.private, true] as const, [ZONE.public, false] as const]) {
    const account = match[1].slice(0, -suffix.length - 1);
    if (match[1] === `${account}.${suffix}` && ACCOUNT.test(account)) return { account, isPrivate };
  }
  return null;
}

interface Origin {
  verdict: "public" | "link" | "unreadable-source" | "conflicting-link-ids";
  linkId: number;
  client: string;
}

function findOrigin(question: Question): Origin {
  const unreadable: Origin = { verdict: "unreadable-source", linkId: 0, client: "" };
  const listener = question.listener ?? "direct";
  const address = isAddressGiven(listener) ? readAddressByNode(question.source) : null;
  if (address === null) return unreadable;
  const isLinkAddress = address >> 118n === 0xfd40n >> 6n;
  if (listener === "public") return isLinkAddress ? unreadable : { verdict: "public", linkId: 0, client: "" };

  let byTlv = 0;
  if (listener === "proxy-tlv-optional" || listener === "proxy-tlv-required") {
    if (question.tlv === undefined && listener === "proxy-tlv-required") return unreadable;
    if (question.tlv !== undefined) {
      const match = /^01([0-9a-f]{8})$/.exec(question.tlv);
      byTlv = match?.[1] === undefined ? 0 : Buffer.from(match[1], "hex").readUInt32LE(0);
      if (byTlv === 0) return unreadable;
    }
  }
  if (!isLinkAddress && byTlv === 0) return { verdict: "public", linkId: 0, client: "" };
  const linkId = isLinkAddress ? linkIdByBytes(address) : byTlv;
  if (linkId === 0) return unreadable;
  if (byTlv !== 0 && byTlv !== linkId) return { verdict: "conflicting-link-ids", linkId: 0, client: "" };
  const isMapped = address >> 32n === 0xffffn;
  const groups = hexOf(address).match(/.{4}/g) ?? [];
  const inBrackets = `[${groups.map(group => Number.parseInt(group, 16).toString(16)).join(":")}]`;
  const from = isLinkAddress || isMapped ? dottedOf(address) : inBrackets;
  return { verdict: "link", linkId, client: `${from}:${linkId}` };
}

/** What the design says of a question. Entries are well formed or begin with a word that none begins with. */
export function decideByDesign(question: Question): Answer {
  const host = splitHostByPattern(question.host.replace(/[A-Z]/g, letter => letter.toLowerCase()));
  const isAsked = ["GET", "HEAD"].includes(question.method ?? "GET") && HEALTH_CHECK.test(question.target ?? "/");
  const isHealthCheck = host?.isPrivate === true && isAsked;
  const nowhere: Origin = { verdict: "unreadable-source", linkId: 0, client: "" };
  const origin = host === null || isHealthCheck ? nowhere : findOrigin(question);
  const answer = (reason: string): Answer => ({
    reason,
    isAllowed: ["private-link", "public", "health-check"].includes(reason),
    account: host?.account ?? "",
    client: origin.client,
    linkId: origin.linkId,
  });

  if (host === null) return answer("unknown-host");
  if (isHealthCheck) return answer("health-check");
  const { verdict, linkId } = origin;
  if (verdict === "unreadable-source" || verdict === "conflicting-link-ids") return answer(verdict);
  const table = question.table ?? "current";
  if (table === "none" || (table === "expired" && verdict === "link")) return answer("table-unavailable");
  const fields = question.entry?.split("\t") ?? ["removed", "", ""];
  if (fields[0] === "removed") return answer("unknown-account");
  if (fields.length !== 3 || !["enabled", "disabled"].includes(fields[0] ?? "")) return answer("unreadable-record");
  if (verdict === "link") {
    const approved = new Set(fields[1]?.split(",").filter(id => id !== ""));
    if (approved.size === 0) return answer("private-link-not-enabled");
    return answer(approved.has(String(linkId)) ? "private-link" : "link-id-mismatch");
  }
  if (host.isPrivate) return answer("not-private-link");
  return answer(fields[0] === "enabled" ? "public" : "public-access-disabled");
}

/** What the design says of a line of the feed, given without its LF; `isLast`: nothing follows it in its page. */
export function readLineByPattern(line: string, isLast: boolean): ReadLine {
  const last = /^=([!-~]{1,200})\t(more|done)$/.exec(line);
  if (last?.[1] !== undefined && isLast) return { kind: last[2] === "more" ? "more" : "done", name: last[1] };
  const removal = /^-([^\t]*)\t([1-9][0-9]{0,18})$/.exec(line);
  if (removal?.[1] !== undefined && removal[2] !== undefined && ACCOUNT.test(removal[1])) {
    return { kind: "removal", name: removal[1], version: removal[2], entry: `removed\t\t${removal[2]}` };
  }
  const upsert = /^\+([^\t]*)\t([1-9][0-9]{0,18})\t(enabled|disabled)\t((?:[1-9][0-9]*(?:,[1-9][0-9]*)*)?)$/.exec(line);
  const [, name = "", version = "", access = "", ids = ""] = upsert ?? [];
  if (!ACCOUNT.test(name) || ids.split(",").some(id => BigInt(id) > 4294967295n)) return { kind: "malformed" };
  return { kind: "upsert", name, version, entry: `${access}\t${ids}\t${version}` };
}
