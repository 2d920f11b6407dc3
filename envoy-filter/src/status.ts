import { Span } from "../../core/src/glue/wasm/span.ts";
import { equals } from "../../core/src/text.ts";
import * as abi from "./abi.ts";
import { Ascii, PairsWriter, Writer } from "./bytes.ts";
import * as env from "./env.ts";
import { readFailure, TableState } from "./shared.ts";

// What the status listener answers: the same pages as NGINX's gate has, for probes, the supervisor and people.

const PATH = new Ascii(":path");
const CONTENT_TYPE = new Ascii("content-type");
const JSON_TYPE = new Ascii("application/json");
const CACHE_CONTROL = new Ascii("cache-control");
const NO_STORE = new Ascii("no-store");
/** The node's id, which is the name that a supervisor gave to this Envoy. */
const NODE_ID = new Ascii("xds\0node\0id");
const LONGEST_NODE_ID: i32 = 200;
const NANOSECONDS: u64 = 1_000_000_000;

const path = new Span();
const page = new Writer(2048);
const pairs = new PairsWriter();
const state = new TableState();

/** Answers `/live`, `/ready` and `/status`, 404 to anything else; nothing is ever forwarded. */
export function answerStatus(): u32 {
  const found = env.proxy_get_header_map_value(
    abi.REQUEST_HEADERS,
    PATH.start,
    PATH.length,
    abi.OUT_BYTES,
    abi.OUT_LENGTH,
  );
  path.at(abi.outBytes(), found === abi.OK ? abi.outLength() : 0);
  page.clear();
  const hasState = state.read();
  if (equals(path, "/live")) {
    put('{"live":true}\n');
    return answer(200);
  }
  const isReady = hasState && state.generation !== 0;
  if (equals(path, "/ready")) {
    put(isReady ? '{"ready":true,' : '{"ready":false,');
    putTable(hasState);
    put("}\n");
    return answer(isReady ? 200 : 503);
  }
  if (!equals(path, "/status")) {
    put("{}\n");
    return answer(404);
  }
  put('{"launch":"');
  putNodeId();
  put('","incarnation":"');
  if (hasState) page.hex(state.incarnation, 16);
  put('",');
  putTable(hasState);
  put(',"lastFailure":');
  putFailure();
  put("}\n");
  return answer(200);
}

/** Empty where the host does not say, or says what JSON would have to escape. */
function putNodeId(): void {
  const found = env.proxy_get_property(NODE_ID.start, NODE_ID.length, abi.OUT_BYTES, abi.OUT_LENGTH);
  const length = found === abi.OK ? abi.outLength() : 0;
  if (length > LONGEST_NODE_ID) return;
  for (let at = 0; at < length; at++) {
    const code = load<u8>(abi.outBytes() + <usize>at);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return;
  }
  page.bytes(abi.outBytes(), length);
}

/** Readiness needs a whole table. One that has expired still serves the public network, and the page says so. */
function putTable(hasState: bool): void {
  const generation: u32 = hasState ? state.generation : 0;
  put('"table":{"state":"');
  put(generation === 0 ? "none" : state.isExpired() ? "expired" : "current");
  put('","generation":');
  page.decimal(generation);
  put(',"ageSeconds":');
  if (generation === 0) put("null");
  else page.decimal(state.readAge() / NANOSECONDS);
  put(',"cursor":"');
  if (!hasState || state.cursorLength === 0) put("none");
  else put(state.loadGeneration !== 0 ? "loading" : state.isInSweep ? "in a sweep" : "whole");
  put('"}');
}

function putFailure(): void {
  if (!readFailure()) {
    put("null");
    return;
  }
  put('{"count":');
  page.decimal(load<u32>(abi.outBytes()));
  put(',"text":"');
  page.bytes(abi.outBytes() + 4, abi.outLength() - 4);
  put('"}');
}

function answer(status: u32): u32 {
  const headers = pairs.clear().addAscii(CONTENT_TYPE, JSON_TYPE).addAscii(CACHE_CONTROL, NO_STORE).finish();
  env.proxy_send_local_response(
    status,
    0,
    0,
    page.start,
    page.length,
    headers === null ? 0 : headers.start,
    headers === null ? 0 : headers.length,
    -1,
  );
  return 1;
}

function put(text: string): void {
  for (let at = 0; at < text.length; at++) page.code(text.charCodeAt(at));
}
