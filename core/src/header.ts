import { HYPHEN, Text } from "./text.ts";

/** The headers that a gate sets for the upstream on an admission by link: the link id, and `privateip:linkid`. */
export const LINK_ID_HEADER: string = "x-private-link-id";
export const CLIENT_HEADER: string = "x-private-link-client";

const PREFIX: string = "x-private-link-";

/**
 * True if a client must not get this header through: its name, in ASCII lower case and with `_` read as `-`, begins with
 * `x-private-link-` (design 3). Some upstreams fold `_` to `-`, so both spellings are ours.
 */
export function isReservedHeader(name: Text): bool {
  if (name.length < PREFIX.length) return false;
  for (let at: i32 = 0; at < PREFIX.length; at++) {
    let code = name.charCodeAt(at);
    if (code >= 0x41 && code <= 0x5a) code |= 0x20;
    if (code === 0x5f) code = HYPHEN;
    if (code !== PREFIX.charCodeAt(at)) return false;
  }
  return true;
}
