import { readAddress } from "../../core/src/address.ts";
import { Span } from "../../core/src/glue/wasm/span.ts";
import { readLinkTlv, Source, TLV_OFF } from "../../core/src/source.ts";
import * as abi from "./abi.ts";
import { Ascii } from "./bytes.ts";
import * as env from "./env.ts";
import { LISTENER_PROXY, LISTENER_UNTRUSTED, Settings } from "./settings.ts";

// Where a request came from: only what the connection says, never a header that a client can write.

/**
 * The client's address and the peer's own, each with its port, and when the connection came: kept by the bootstrap's
 * set_filter_state at that time. The client's is taken from the PROXY header where there is one.
 */
const CONNECTION = new Ascii("filter_state\0linkgate.connection");
/** The client's address where a gateway's bootstrap keeps no other: the connection's, as long as it has use_remote_address. */
const ADDRESS = new Ascii("source\0address");
/** TLV 0xEE, kept by the PROXY listener filter in base64: as text its bytes above 0x7f would be lost. */
const TLV = new Ascii("filter_state\0envoy.network.proxy_protocol.tlv\0linkgate_link");

const text = new Span();
const tlv = new Uint8Array(5);
const noTlv = new Uint8Array(0);

const NOT_KEPT: u64 = u64.MAX_VALUE;
/** When the connection of the request came, in milliseconds since 1970; 0 for what can't be read. */
let came: u64 = NOT_KEPT;

/** Reads where the request came from (design 3.3). */
export function readSource(settings: Settings, source: Source): void {
  source.clear();
  came = NOT_KEPT;
  const isProxy = settings.listener === LISTENER_PROXY;
  if (settings.listener === LISTENER_UNTRUSTED) return;
  const hasConnection = readProperty(CONNECTION);
  if (!hasConnection && (isProxy || !readProperty(ADDRESS))) return;
  const start = abi.outBytes();
  const whole = abi.outLength();
  const length = hasConnection ? findBlank(start, 0, whole) : whole;
  const end = hasConnection ? findBlank(start, length + 1, whole) : -1;
  if (end >= 0) came = readNumber(start + <usize>end + 1, whole - end - 1);
  // PROXY LOCAL, or no PROXY header at all: Envoy then has the load balancer itself for the client.
  if (length < 0 || (isProxy && isPeer(start, length, end >= 0 ? end : whole))) return;
  source.isReadable = pointAtAddress(start, length) && readAddress(text, source.address);
  if (!isProxy || settings.linkTlv === TLV_OFF || !readProperty(TLV)) return;
  readLinkTlv(decodeTlv(abi.outBytes(), abi.outLength()) ? tlv : noTlv, source);
}

function readProperty(path: Ascii): bool {
  return env.proxy_get_property(path.start, path.length, abi.OUT_BYTES, abi.OUT_LENGTH) === abi.OK;
}

/**
 * True for a request on a connection that is older than so many seconds (feed rule 28), or younger than the clock allows. False
 * where a gateway's bootstrap does not keep when it came: the listener's own timers are the only lock there.
 */
export function isConnectionOlder(limit: u32): bool {
  if (came === NOT_KEPT) return false;
  const now = abi.readWallClock() / 1_000_000;
  return now < came || now - came > <u64>limit * 1000;
}

/** A number of up to 15 digits; 0 for any other text. */
function readNumber(start: usize, length: i32): u64 {
  if (length < 1 || length > 15) return 0;
  let number: u64 = 0;
  for (let at = 0; at < length; at++) {
    const digit = <i32>load<u8>(start + <usize>at) - 0x30;
    if (digit < 0 || digit > 9) return 0;
    number = number * 10 + <u64>digit;
  }
  return number;
}

/** Where the next blank is; -1 if there is none. */
function findBlank(start: usize, from: i32, length: i32): i32 {
  for (let at = from; at < length; at++) {
    if (load<u8>(start + <usize>at) === 0x20) return at;
  }
  return -1;
}

/** True if the client's address is the peer's, which stands behind it and ends at `end`. */
function isPeer(start: usize, length: i32, end: i32): bool {
  return end === 2 * length + 1 && memory.compare(start, start + <usize>length + 1, <usize>length) === 0;
}

/** Points `text` at the address of `1.2.3.4:5` or `[::1]:5`. */
function pointAtAddress(start: usize, length: i32): bool {
  let end = length - 1;
  while (end > 0 && load<u8>(start + <usize>end) !== 0x3a) end--;
  if (end < 2) return false;
  if (load<u8>(start) !== 0x5b) text.at(start, end);
  else if (load<u8>(start + <usize>end - 1) !== 0x5d) return false;
  else text.at(start + 1, end - 2);
  return true;
}

/** Decodes base64 of exactly 5 bytes (RFC 4648 4) into `tlv`; false for anything else. */
function decodeTlv(start: usize, length: i32): bool {
  if (length !== 8 || load<u8>(start + 7) !== 0x3d) return false;
  let bits: u64 = 0;
  for (let at: usize = 0; at < 7; at++) {
    const value = base64Digit(load<u8>(start + at));
    if (value < 0) return false;
    bits = (bits << 6) | <u64>value;
  }
  bits >>= 2; // 42 bits for 40
  for (let at = 0; at < 5; at++) tlv[at] = <u8>(bits >> <u64>(8 * (4 - at)));
  return true;
}

function base64Digit(code: i32): i32 {
  if (code >= 0x41 && code <= 0x5a) return code - 0x41;
  if (code >= 0x61 && code <= 0x7a) return code - 0x61 + 26;
  if (code >= 0x30 && code <= 0x39) return code - 0x30 + 52;
  if (code === 0x2b) return 62;
  return code === 0x2f ? 63 : -1;
}
