import type { IncomingHttpHeaders } from "node:http";
import { ArmError } from "./errors.ts";

/** An etag as it travels, in the body and in the header alike (ARM RPC: one in the body must be in the header too). */
export function quoteEtag(etag: string): string {
  return `"${etag}"`;
}

/**
 * The If-Match and If-None-Match table of ARM RPC (Addendum, "ETags for Resources") for a write.
 *
 * | | absent | exists |
 * |---|---|---|
 * | neither, or If-Match: empty | goes on | goes on |
 * | If-Match: * | 412 | goes on |
 * | If-Match: "x" | 412 | 412 unless it matches |
 * | If-None-Match: * | goes on | 412 |
 *
 * A DELETE of what is absent is 204 whatever it says, a PATCH 404; callers ask for those before. RFC 9110 section 13.1:
 * If-Match compares strongly, so a weak etag never matches; If-None-Match compares weakly.
 *
 * @param etag of the stored resource; undefined when there is none
 * @throws ArmError PreconditionFailed
 */
export function checkPreconditions(headers: IncomingHttpHeaders, etag: string | undefined): void {
  const match = readEtags(headers["if-match"]);
  if (match.length > 0 && !(etag !== undefined && match.some(one => one === "*" || one === etag))) {
    throw new ArmError("PreconditionFailed", "The resource is not the one that If-Match names.");
  }
  const noneMatch = readEtags(headers["if-none-match"]);
  if (etag !== undefined && noneMatch.some(one => one === "*" || one.replace(WEAK, "$1") === etag)) {
    throw new ArmError("PreconditionFailed", "The resource exists already, which If-None-Match rules out.");
  }
}

const QUOTED = /^"([^"]*)"$/;
const WEAK = /^W\/"([^"]*)"$/;

/** Clients leave the quotes out, too; an empty header, or an empty etag, says nothing (ARM RPC). */
function readEtags(header: string | undefined): string[] {
  const entries = (header ?? "").split(",").map(entry => entry.trim().replace(QUOTED, "$1"));
  return entries.filter(entry => entry !== "");
}
