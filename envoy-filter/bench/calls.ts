// What no gate of this kind can do without: the calls of the host that bring the request's headers, its source, the account's entry
// and the bytes of the answer, and those that hand on account and link. It decides nothing and keeps nothing, so what the gate costs
// beyond this is the gate's own.

import * as abi from "../src/abi.ts";
import { Ascii, Writer } from "../src/bytes.ts";
import * as env from "../src/env.ts";

const NAME_LENGTH: i32 = 14;

const AUTHORITY = new Ascii(":authority");
const CONNECTION = new Ascii("filter_state\0linkgate.connection");
const BYTES_SENT = new Ascii("response\0total_size");
const ACCOUNT = new Ascii("linkgate.account");
const LINK_ID = new Ascii("x-private-link-id");
const LINK_ID_VALUE = new Ascii("3000000001");
const CLIENT = new Ascii("x-private-link-client");
const CLIENT_VALUE = new Ascii("10.1.1.4:3000000001");
/** As long as the gate's entries of three links, and its keys. */
const ENTRY = new Ascii("gen 1 disabled 3000000001,1000000000,1000000001");
const KEY_PREFIX = new Ascii("12345678 account");

const key = new Writer(32);

/** Marks the version of the ABI, by its name. */
export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: usize): usize {
  return abi.allocate(size);
}

/** Writes a table into the shared data, of as many of the benchmark's accounts as the configuration says. */
export function proxy_on_configure(_root: u32, size: u32): u32 {
  abi.beginCallback();
  env.proxy_get_buffer_bytes(abi.CONFIGURATION, 0, size, abi.OUT_BYTES, abi.OUT_LENGTH);
  const accounts = <i32>parseInt(String.UTF8.decodeUnsafe(abi.outBytes(), <usize>abi.outLength()), 10);
  for (let account = 0; account < accounts; account++) {
    key.clear().ascii(KEY_PREFIX);
    for (let scale = 1_000_000; scale > 0; scale /= 10) key.code(0x30 + ((account / scale) % 10));
    env.proxy_set_shared_data(key.start, key.length, ENTRY.start, ENTRY.length, 0);
  }
  return 1;
}

/** Without it a filter would not know which of its instances a request is for. */
export function proxy_on_context_create(_id: u32, _parent: u32): void {}

export function proxy_on_request_headers(_id: u32, _headers: u32, _endOfStream: u32): u32 {
  abi.beginCallback();
  if (makeCalls()) return 0;
  env.proxy_send_local_response(500, 0, 0, 0, 0, 0, 0, -1); // ends a benchmark
  return 1;
}

export function proxy_on_log(_id: u32): void {
  abi.beginCallback();
  env.proxy_get_property(BYTES_SENT.start, BYTES_SENT.length, abi.OUT_BYTES, abi.OUT_LENGTH);
}

/** False if any of them brought nothing. */
function makeCalls(): bool {
  const pairs = env.proxy_get_header_map_pairs(abi.REQUEST_HEADERS, abi.OUT_BYTES, abi.OUT_LENGTH);
  const account = pairs === abi.OK ? findAccount() : 0;
  if (account === 0) return false;
  const source = env.proxy_get_property(CONNECTION.start, CONNECTION.length, abi.OUT_BYTES, abi.OUT_LENGTH);
  if (source !== abi.OK) return false;
  key
    .clear()
    .bytes(KEY_PREFIX.start, KEY_PREFIX.length - 7)
    .bytes(account, NAME_LENGTH);
  const entry = env.proxy_get_shared_data(key.start, key.length, abi.OUT_BYTES, abi.OUT_LENGTH, abi.OUT_NUMBER);
  if (entry !== abi.OK) return false;
  env.proxy_set_property(ACCOUNT.start, ACCOUNT.length, account, NAME_LENGTH);
  replaceHeader(LINK_ID, LINK_ID_VALUE);
  replaceHeader(CLIENT, CLIENT_VALUE);
  return true;
}

/** Where the account's name stands in the headers that were read; 0 for nowhere. */
function findAccount(): usize {
  const headers = abi.outBytes();
  const count = load<i32>(headers);
  let at = headers + 4 + ((<usize>count) << 3);
  for (let header = 0; header < count; header++) {
    const length = load<i32>(headers + 4 + ((<usize>header) << 3));
    const valueLength = load<i32>(headers + 8 + ((<usize>header) << 3));
    if (AUTHORITY.equals(at, length)) return valueLength > NAME_LENGTH ? at + <usize>length + 1 : 0;
    at += <usize>(length + valueLength + 2);
  }
  return 0;
}

function replaceHeader(header: Ascii, value: Ascii): void {
  env.proxy_replace_header_map_value(abi.REQUEST_HEADERS, header.start, header.length, value.start, value.length);
}
