import { Decision, HEALTH_TARGET } from "../../core/src/decide.ts";
import { Span, SpanSink } from "../../core/src/glue/wasm/span.ts";
import { CLIENT_HEADER, isReservedHeader, LINK_ID_HEADER } from "../../core/src/header.ts";
import {
  CONFLICTING_LINK_IDS,
  DENIAL_TYPE,
  denialBody,
  denialStatus,
  HEALTH_CHECK,
  isAllowed,
  PRIVATE_LINK,
  TABLE_UNAVAILABLE,
  UNKNOWN_ACCOUNT,
  UNKNOWN_HOST,
  UNREADABLE_SOURCE,
} from "../../core/src/reason.ts";
import { Listener, Source } from "../../core/src/source.ts";
import * as abi from "./abi.ts";
import { Ascii, PairsWriter, Writer } from "./bytes.ts";
import * as env from "./env.ts";
import {
  countDecision,
  REASON_TEXTS,
  REFUSED_FOR_ERROR,
  REFUSED_HEALTH_BODY,
  REFUSED_METHOD,
  REFUSED_OLD_CONNECTION,
  REFUSED_UPGRADE,
} from "./metrics.ts";
import { Decided } from "./open-requests.ts";
import { Settings } from "./settings.ts";
import { isConnectionOlder, readSource } from "./source.ts";
import { SharedTable } from "./table.ts";

/** What `proxy_on_request_headers` returns. */
export const CONTINUE: u32 = 0;
export const STOP: u32 = 1;

const AUTHORITY = new Ascii(":authority");
const METHOD = new Ascii(":method");
const PATH = new Ascii(":path");
const SCHEME = new Ascii("x-forwarded-proto");
const UPGRADE = new Ascii("upgrade");
const CONNECT = new Ascii("CONNECT");
const TRACE = new Ascii("TRACE");
const LINK_ID = new Ascii(LINK_ID_HEADER);
const CLIENT = new Ascii(CLIENT_HEADER);
const BARE_HEALTH = new Ascii(HEALTH_TARGET);
const CONTENT_TYPE = new Ascii("content-type");
const FHIR = new Ascii(DENIAL_TYPE);
const RETRY_AFTER = new Ascii("retry-after");
const ONE_SECOND = new Ascii("1");
const FORBIDDEN = new Ascii(denialBody(UNKNOWN_HOST));
const UNAVAILABLE = new Ascii(denialBody(TABLE_UNAVAILABLE));

const LOG_VERDICT = new Ascii("linkgate.verdict");
const LOG_REASON = new Ascii("linkgate.reason");
/** The log's, and what the bootstrap routes by. */
const LOG_ACCOUNT = new Ascii("linkgate.account");
const LOG_CLIENT = new Ascii("linkgate.client");
const LOG_LINK_ID = new Ascii("linkgate.link_id");
/** The target as it came, since that of a health check is changed. */
const LOG_TARGET = new Ascii("linkgate.target");
const ALLOW = new Ascii("allow");
const DENY = new Ascii("deny");

const NO_LINK = new Listener(false, 0);

// A handler runs from begin to end at once, so one of each serves every request of this VM.
const host = new Span();
const method = new Span();
const target = new Span();
const name = new Span();
const source = new Source();
const table = new SharedTable();
const client = new SpanSink(memory.data(64));
const decision = new Decision(client, new SpanSink(memory.data(16)));
/** What was decided about the last request, for the reports. */
export const decided = new Decided();
const pairs = new PairsWriter();
const linkId = new Writer(16);

/** Where the request's headers lie: a table of two lengths each, then name NUL value NUL of each. */
let headers: usize = 0;
let headerCount: i32 = 0;

/** Admits the request, or answers it with its denial. `hasBody`: more than headers will come. */
export function checkRequest(settings: Settings | null, listener: Listener | null, hasBody: bool): u32 {
  decided.clear();
  if (settings === null || !readHeaders()) return deny(REFUSED_FOR_ERROR);
  const asksForUpgrade = findRequest();
  log(LOG_TARGET, target.start, target.length);
  const wasPlain = isPlain(host.start, host.length);
  host.toLowerCase();
  table.host = host.start;
  readSource(settings, source);
  const believed = listener === null ? NO_LINK : listener;
  const reason = decision.decide(host, method, target, source, believed, settings.zones, table);
  logAccount(reason);
  if (!isAllowed(reason)) return deny(reason);
  if (asksForUpgrade) return deny(REFUSED_UPGRADE);
  if (isRefusedMethod()) return deny(REFUSED_METHOD);
  if (reason === HEALTH_CHECK && hasBody) return deny(REFUSED_HEALTH_BODY);
  if (reason === PRIVATE_LINK && isConnectionOlder(settings.linkQuarantine)) return deny(REFUSED_OLD_CONNECTION);

  if (reason === HEALTH_CHECK) makeBare();
  else removeReserved(reason === PRIVATE_LINK);
  const length = lengthOfName();
  if (!wasPlain || length !== host.length) replaceHeader(AUTHORITY, host.start, length);
  if (reason === PRIVATE_LINK) {
    replaceHeader(LINK_ID, linkId.start, linkId.length);
    replaceHeader(CLIENT, client.span.start, client.span.length);
  }
  log(LOG_VERDICT, ALLOW.start, ALLOW.length);
  log(LOG_REASON, REASON_TEXTS[reason].start, REASON_TEXTS[reason].length);
  decided.reason = reason;
  countDecision(reason);
  return CONTINUE;
}

/** Denies with core's body, which names no reason. The reason goes to the log and to Envoy's response details. */
function deny(reason: i32): u32 {
  const text = REASON_TEXTS[reason];
  log(LOG_VERDICT, DENY.start, DENY.length);
  log(LOG_REASON, text.start, text.length);
  decided.reason = reason;
  countDecision(reason);
  const isRefusal = reason >= REFUSED_FOR_ERROR;
  // 421: a client may send the request again on another connection (RFC 9110 15.5.20).
  const status = reason === REFUSED_OLD_CONNECTION ? 421 : isRefusal ? 403 : denialStatus(reason);
  const body = status === 503 ? UNAVAILABLE : FORBIDDEN;
  pairs.clear().addAscii(CONTENT_TYPE, FHIR);
  if (status === 503) pairs.addAscii(RETRY_AFTER, ONE_SECOND);
  const written = pairs.finish();
  env.proxy_send_local_response(
    status,
    text.start,
    text.length,
    body.start,
    body.length,
    written === null ? 0 : written.start,
    written === null ? 0 : written.length,
    -1,
  );
  return STOP;
}

function readHeaders(): bool {
  headerCount = 0;
  const status = env.proxy_get_header_map_pairs(abi.REQUEST_HEADERS, abi.OUT_BYTES, abi.OUT_LENGTH);
  if (status !== abi.OK || abi.outLength() < 4) return false;
  headers = abi.outBytes();
  headerCount = load<i32>(headers);
  return true;
}

function nameLengthOf(at: i32): i32 {
  return load<i32>(headers + 4 + ((<usize>at) << 3));
}

function valueLengthOf(at: i32): i32 {
  return load<i32>(headers + 8 + ((<usize>at) << 3));
}

/** Points host, method and target at their headers; empty where there is none. True if there is an Upgrade header. */
function findRequest(): bool {
  host.at(headers, 0);
  method.at(headers, 0);
  target.at(headers, 0);
  let asksForUpgrade = false;
  let at = headers + 4 + ((<usize>headerCount) << 3);
  for (let header = 0; header < headerCount; header++) {
    const length = nameLengthOf(header);
    const value = at + <usize>length + 1;
    const valueLength = valueLengthOf(header);
    if (AUTHORITY.equals(at, length)) host.at(value, valueLength);
    else if (METHOD.equals(at, length)) method.at(value, valueLength);
    else if (PATH.equals(at, length)) target.at(value, valueLength);
    else if (UPGRADE.equals(at, length)) asksForUpgrade = true;
    at = value + <usize>valueLength + 1;
  }
  return asksForUpgrade;
}

/** CONNECT would be a tunnel (design 3); the answer to TRACE shows what the gate adds. */
function isRefusedMethod(): bool {
  return CONNECT.equals(method.start, method.length) || TRACE.equals(method.start, method.length);
}

/** Removes every header that a client must not get through (design 3). Those that are set afterwards are replaced there. */
function removeReserved(isLink: bool): void {
  let at = headers + 4 + ((<usize>headerCount) << 3);
  for (let header = 0; header < headerCount; header++) {
    const length = nameLengthOf(header);
    const isReplaced = isLink && (LINK_ID.equals(at, length) || CLIENT.equals(at, length));
    if (!isReplaced && isReservedHeader(name.at(at, length))) {
      env.proxy_remove_header_map_value(abi.REQUEST_HEADERS, at, length);
    }
    at += <usize>(length + valueLengthOf(header) + 2);
  }
}

/** Leaves of a health check what it is forwarded as: method, host and the bare target (design 3.2). */
function makeBare(): void {
  let at = headers + 4 + ((<usize>headerCount) << 3);
  for (let header = 0; header < headerCount; header++) {
    const length = nameLengthOf(header);
    // Envoy finds no route without the scheme that it wrote there itself.
    const isKept = load<u8>(at) === 0x3a || SCHEME.equals(at, length);
    if (!isKept) env.proxy_remove_header_map_value(abi.REQUEST_HEADERS, at, length);
    at += <usize>(length + valueLengthOf(header) + 2);
  }
  if (target.length !== BARE_HEALTH.length) replaceHeader(PATH, BARE_HEALTH.start, BARE_HEALTH.length);
}

/** True if there is no capital in it. */
function isPlain(start: usize, length: i32): bool {
  for (let at = 0; at < length; at++) {
    const code = load<u8>(start + <usize>at);
    if (code >= 0x41 && code <= 0x5a) return false;
  }
  return true;
}

/** How much of the host, which core has read, is its name: without port and trailing dot. */
function lengthOfName(): i32 {
  let end = host.length;
  for (let at = end - 1; at >= 0; at--) {
    if (host.charCodeAt(at) === 0x3a) {
      end = at;
      break;
    }
  }
  return host.charCodeAt(end - 1) === 0x2e ? end - 1 : end;
}

function logAccount(reason: i32): void {
  if (reason !== UNKNOWN_HOST) log(LOG_ACCOUNT, host.start, decision.host.accountLength);
  if (isInTable(reason)) {
    decided.account = host.start;
    decided.accountLength = decision.host.accountLength;
  }
  if (decision.link.id === 0) return;
  decided.linkId = decision.link.id;
  linkId.clear().decimal(decision.link.id);
  log(LOG_LINK_ID, linkId.start, linkId.length);
  log(LOG_CLIENT, client.span.start, client.span.length);
}

/** True if the host's account is one of the table's: reports name no other. */
function isInTable(reason: i32): bool {
  if (reason === UNKNOWN_HOST || reason === UNKNOWN_ACCOUNT) return false;
  const wasLookedUp =
    reason !== HEALTH_CHECK &&
    reason !== UNREADABLE_SOURCE &&
    reason !== CONFLICTING_LINK_IDS &&
    reason !== TABLE_UNAVAILABLE;
  return wasLookedUp || table.hasAccount(decision.host.accountLength);
}

function log(property: Ascii, value: usize, length: i32): void {
  env.proxy_set_property(property.start, property.length, value, length);
}

function replaceHeader(header: Ascii, value: usize, length: i32): void {
  env.proxy_replace_header_map_value(abi.REQUEST_HEADERS, header.start, header.length, value, length);
}
