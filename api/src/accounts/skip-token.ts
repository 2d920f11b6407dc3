import { ArmError } from "../arm/errors.ts";
import type { Account, ListPosition } from "./repository.ts";

const NAME = "$skiptoken";

/**
 * Where a list goes on, from the `$skipToken` of an earlier `nextLink`.
 *
 * @throws ArmError InvalidParameter when it is none of ours
 */
export function readSkipToken(query: Record<string, unknown>): ListPosition | undefined {
  const entry = Object.entries(query).find(([name]) => name.toLowerCase() === NAME);
  if (entry === undefined) return undefined;
  const parts = typeof entry[1] === "string" ? Buffer.from(entry[1], "base64url").toString().split("/") : [];
  const [resourceGroup, account] = parts;
  if (parts.length !== 2 || !resourceGroup || !account || /\p{Cc}/u.test(parts.join())) {
    throw new ArmError(
      "InvalidParameter",
      "The $skipToken is not one that a nextLink of this list gave.",
      "$skipToken",
    );
  }
  return { resourceGroup, account };
}

/** The `nextLink` that goes on after an account (ARM RPC: the caller's own URL plus `$skipToken`). */
export function writeSkipToken(url: URL, last: Account): string {
  const next = new URL(url);
  for (const name of [...next.searchParams.keys()]) {
    if (name.toLowerCase() === NAME) next.searchParams.delete(name);
  }
  const token = Buffer.from(`${last.resource_group}/${last.account}`).toString("base64url");
  next.searchParams.set("$skipToken", token);
  return next.href;
}
