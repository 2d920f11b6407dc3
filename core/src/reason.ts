/** Why a request is let in or not: an index into {@link REASONS}. 0 is a denial, so that a number nobody set admits nobody. */
export const UNKNOWN_HOST: i32 = 0;
export const UNREADABLE_SOURCE: i32 = 1;
export const CONFLICTING_LINK_IDS: i32 = 2;
export const TABLE_UNAVAILABLE: i32 = 3;
export const UNKNOWN_ACCOUNT: i32 = 4;
export const UNREADABLE_RECORD: i32 = 5;
export const PRIVATE_LINK_NOT_ENABLED: i32 = 6;
export const LINK_ID_MISMATCH: i32 = 7;
export const NOT_PRIVATE_LINK: i32 = 8;
export const PUBLIC_ACCESS_DISABLED: i32 = 9;
export const PRIVATE_LINK: i32 = 10;
export const PUBLIC: i32 = 11;
export const HEALTH_CHECK: i32 = 12;

/** The reasons as access log, metrics and portal spell them. */
export const REASONS: string[] = [
  "unknown-host",
  "unreadable-source",
  "conflicting-link-ids",
  "table-unavailable",
  "unknown-account",
  "unreadable-record",
  "private-link-not-enabled",
  "link-id-mismatch",
  "not-private-link",
  "public-access-disabled",
  "private-link",
  "public",
  "health-check",
];

/** True for the reasons that let a request in. */
export function isAllowed(reason: i32): bool {
  return reason === PRIVATE_LINK || reason === PUBLIC || reason === HEALTH_CHECK;
}

/** The HTTP status of a denial: 503 while there is no table to decide by, else 403 (design 3). */
export function denialStatus(reason: i32): i32 {
  return reason === TABLE_UNAVAILABLE ? 503 : 403;
}

/** The media type of a denial's body (FHIR R4 2.1.0.6). */
export const DENIAL_TYPE: string = "application/fhir+json";

/** The body of a denial: an OperationOutcome that names no reason, since a stranger must learn nothing about tenants. */
export function denialBody(reason: i32): string {
  return reason === TABLE_UNAVAILABLE
    ? '{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"transient","diagnostics":"The service is not ready. Try again later."}]}'
    : '{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"forbidden","diagnostics":"This request is not allowed from here."}]}';
}

/** One sentence that tells an operator what a reason means and what to look at. Never sent to a client. */
export function explainReason(reason: i32): string {
  if (reason === PRIVATE_LINK) return "The link id is one of the account's approved connections.";
  if (reason === PUBLIC) return "The account accepts the public network.";
  if (reason === HEALTH_CHECK) return "A health check on the private host name is always let through.";
  if (reason === UNKNOWN_HOST)
    return "The host names no account of a zone; look at the zones and at who sends this host.";
  if (reason === UNREADABLE_SOURCE)
    return "The source is no address that this listener believes; look at the listener's kind and the load balancer's addresses.";
  if (reason === CONFLICTING_LINK_IDS) return "The PROXY header's link id differs from the one in the address.";
  if (reason === TABLE_UNAVAILABLE) return "The gate has no table, or one older than its age limit; look at the feed.";
  if (reason === UNKNOWN_ACCOUNT) return "The registry has no such account.";
  if (reason === UNREADABLE_RECORD) return "The account's record can't be read; reload the gate and report it.";
  if (reason === PRIVATE_LINK_NOT_ENABLED) return "The account has no approved connection.";
  if (reason === LINK_ID_MISMATCH) return "The link id is not one of the account's approved connections.";
  if (reason === NOT_PRIVATE_LINK) return "The private host name was called from the public network.";
  if (reason === PUBLIC_ACCESS_DISABLED) return "The account refuses the public network.";
  return "This reason is not known to this version.";
}
