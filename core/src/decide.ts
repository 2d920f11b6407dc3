import { allowsPublic, hasLinkIds, holdsLinkId, startOfLinkIds } from "./entry.ts";
import { findZone, Host, isAccount, Zones } from "./host.ts";
import {
  CONFLICTING_LINK_IDS,
  HEALTH_CHECK,
  LINK_ID_MISMATCH,
  NOT_PRIVATE_LINK,
  PRIVATE_LINK,
  PRIVATE_LINK_NOT_ENABLED,
  PUBLIC,
  PUBLIC_ACCESS_DISABLED,
  TABLE_UNAVAILABLE,
  UNKNOWN_ACCOUNT,
  UNKNOWN_HOST,
  UNREADABLE_RECORD,
  UNREADABLE_SOURCE,
} from "./reason.ts";
import {
  classifySource,
  Link,
  Listener,
  SOURCE_CONFLICTING,
  SOURCE_LINK,
  SOURCE_UNREADABLE,
  Source,
  writeClient,
} from "./source.ts";
import { equals, QUESTION, Text, TextSink } from "./text.ts";

/** No whole table yet, or one that was dropped. */
export const TABLE_NONE: i32 = 0;
export const TABLE_CURRENT: i32 = 1;
/** Older than the gate's `maxTableAge`: admits nobody by a link any more (design 3, feed rule 15). */
export const TABLE_EXPIRED: i32 = 2;

/**
 * The table of accounts, as its host holds it: the only power that the decision asks for. It holds entries only under names
 * that `readLine` took for an account's.
 */
export abstract class Table {
  /** `TABLE_NONE`, `TABLE_CURRENT` or `TABLE_EXPIRED`. Read before the entry, never after (feed rule 18). */
  abstract readState(): i32;
  /** The entry of the account, which is the first `accountLength` codes of the host, or null. */
  abstract findEntry(accountLength: i32): Text | null;
}

/** What was decided. A gate makes one and reuses it. */
export class Decision {
  readonly host: Host = new Host();
  readonly link: Link = new Link();
  /** `privateip:linkid` whenever a link id was read, also on a denial; else empty. */
  readonly client: TextSink;
  /** The link id in decimal, or empty. */
  readonly linkId: TextSink;

  /** @param linkId takes up to 10 codes */
  constructor(client: TextSink, linkId: TextSink) {
    this.client = client;
    this.linkId = linkId;
  }

  /**
   * Decides one request (design 3, in its order). The result is a reason; `isAllowed` and `denialStatus` say what to do.
   * @param host the proxy's own reading of the host, in ASCII lower case
   * @param method as received
   * @param target byte for byte as the upstream will get it
   */
  decide(host: Text, method: Text, target: Text, source: Source, listener: Listener, zones: Zones, table: Table): i32 {
    this.link.id = 0;
    this.linkId.clear();
    this.client.clear();
    if (!findZone(host, zones, this.host)) return UNKNOWN_HOST;
    const reason = this.judge(method, target, source, listener, table);
    // A name that is in the table is an account's; to read it letter by letter took a sixth of the NGINX gate's time.
    if (reason === PRIVATE_LINK || reason === PUBLIC || isAccount(host, 0, this.host.accountLength)) return reason;
    this.link.id = 0;
    this.linkId.clear();
    this.client.clear();
    this.host.clear();
    return UNKNOWN_HOST;
  }

  /** Design 3.2 to 3.6, for a host in a zone. */
  private judge(method: Text, target: Text, source: Source, listener: Listener, table: Table): i32 {
    if (this.host.isPrivate && isHealthCheck(method, target)) return HEALTH_CHECK;

    const origin = classifySource(source, listener, this.link);
    if (origin === SOURCE_UNREADABLE) return UNREADABLE_SOURCE;
    if (origin === SOURCE_CONFLICTING) return CONFLICTING_LINK_IDS;
    const isLink = origin === SOURCE_LINK;
    if (isLink) {
      this.linkId.putDecimal(this.link.id);
      writeClient(source, this.linkId.text, this.client);
    }

    const state = table.readState();
    if (state !== TABLE_CURRENT && (isLink || state !== TABLE_EXPIRED)) return TABLE_UNAVAILABLE;
    const entry = table.findEntry(this.host.accountLength);
    if (entry === null) return UNKNOWN_ACCOUNT;
    const linkIds = startOfLinkIds(entry);
    if (linkIds === 0) return UNKNOWN_ACCOUNT;
    if (linkIds < 0) return UNREADABLE_RECORD;

    if (isLink) {
      if (holdsLinkId(entry, linkIds, this.linkId.text)) return PRIVATE_LINK;
      return hasLinkIds(entry, linkIds) ? LINK_ID_MISMATCH : PRIVATE_LINK_NOT_ENABLED;
    }
    if (this.host.isPrivate) return NOT_PRIVATE_LINK;
    return allowsPublic(entry) ? PUBLIC : PUBLIC_ACCESS_DISABLED;
  }
}

/** What a health check is forwarded as, whatever its query was (design 3.2). */
export const HEALTH_TARGET: string = "/health/check";

/** True for GET or HEAD of exactly `/health/check`, with or without a query. Case and every other spelling count. */
export function isHealthCheck(method: Text, target: Text): bool {
  if (!target.startsWith(HEALTH_TARGET, 0)) return false; // first, because nearly all end here
  if (!equals(method, "GET") && !equals(method, "HEAD")) return false;
  return target.length === HEALTH_TARGET.length || target.charCodeAt(HEALTH_TARGET.length) === QUESTION;
}
