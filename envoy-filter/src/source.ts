import { readAddress } from "../../core/src/address.ts";
import { Span } from "../../core/src/glue/wasm/span.ts";
import { readLinkTlv, Source, TLV_OFF } from "../../core/src/source.ts";
import * as abi from "./abi.ts";
import { Ascii } from "./bytes.ts";
import * as env from "./env.ts";
import { LISTENER_PROXY, LISTENER_UNTRUSTED, Settings } from "./settings.ts";

// Where a request came from: only what the connection says. `source.address` is the client's address and port, taken from the
// PROXY header where there is one; never a header that a client can write, as long as the listener has use_remote_address.

const ADDRESS = new Ascii("source\0address");
/** The peer's own address and port, kept by the bootstrap's set_filter_state when the connection came. */
const PEER = new Ascii("filter_state\0linkgate.peer");
/** TLV 0xEE, kept by the PROXY listener filter in base64: as text its bytes above 0x7f would be lost. */
const TLV = new Ascii("filter_state\0envoy.network.proxy_protocol.tlv\0linkgate_link");

const text = new Span();
const tlv = new Uint8Array(5);
const noTlv = new Uint8Array(0);

/** Reads where the request came from (design 3.3). */
export function readSource(settings: Settings, source: Source): void {
  source.clear();
  if (settings.listener === LISTENER_UNTRUSTED || !readProperty(ADDRESS)) return;
  const start = abi.outBytes();
  const length = abi.outLength();
  // PROXY LOCAL, or no PROXY header at all: Envoy then has the load balancer itself for the client.
  if (settings.listener === LISTENER_PROXY && (!readProperty(PEER) || isSame(start, length))) return;
  source.isReadable = pointAtAddress(start, length) && readAddress(text, source.address);
  if (settings.listener !== LISTENER_PROXY || settings.linkTlv === TLV_OFF || !readProperty(TLV)) return;
  readLinkTlv(decodeTlv(abi.outBytes(), abi.outLength()) ? tlv : noTlv, source);
}

/** The address of the request's source, without its port. Only after {@link readSource} has read it. */
export function readProperty(path: Ascii): bool {
  return env.proxy_get_property(path.start, path.length, abi.OUT_BYTES, abi.OUT_LENGTH) === abi.OK;
}

function isSame(start: usize, length: i32): bool {
  return abi.outLength() === length && memory.compare(abi.outBytes(), start, <usize>length) === 0;
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
