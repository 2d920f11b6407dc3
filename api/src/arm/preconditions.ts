import type { IncomingHttpHeaders } from "node:http";
import { ArmError } from "./errors.ts";

/** An etag as it travels, in the body and in the header alike (ARM RPC: one in the body must be in the header too). */
export function quoteEtag(etag: string): string {
  return `"${etag}"`;
}

/**
 * The If-Match and If-None-Match table of ARM RPC (arm-contract 4.6) for a write.
 *
 * | | absent | exists |
 * |---|---|---|
 * | If-Match: * | 412 | goes on |
 * | If-Match: "x" | 412 | 412 unless it matches |
 * | If-None-Match: * | goes on | 412 |
 *
 * A DELETE of what is absent is 204 whatever it says, a PATCH 404; callers ask for those before.
 *
 * @param etag of the stored resource; undefined when there is none
 * @throws ArmError PreconditionFailed
 */
export function checkPreconditions(headers: IncomingHttpHeaders, etag: string | undefined): void {
  const match = headers["if-match"];
  if (match !== undefined && !matches(match, etag)) {
    throw new ArmError("PreconditionFailed", "The resource is not the one that If-Match names.");
  }
  const noneMatch = headers["if-none-match"];
  if (noneMatch !== undefined && matches(noneMatch, etag)) {
    throw new ArmError("PreconditionFailed", "The resource exists already, which If-None-Match rules out.");
  }
}

function matches(list: string, etag: string | undefined): boolean {
  if (etag === undefined) return false;
  return list
    .split(",")
    .some(entry => entry.trim() === "*" || entry.trim() === quoteEtag(etag) || entry.trim() === etag);
}
