// The filter, from the product's own sources, with faults that a test asks for: by a header of a request, or by an account on a
// page of the feed. The product has no such switch.

import * as abi from "../../src/abi.ts";
import { Ascii } from "../../src/bytes.ts";
import * as env from "../../src/env.ts";
import * as filter from "../../src/filter.ts";
import {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_log,
  proxy_on_tick,
  proxy_on_vm_start,
} from "../../src/filter.ts";
import { createShared, readShared, replaceShared, SharedKey } from "../../src/shared.ts";

export {
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_log,
  proxy_on_tick,
  proxy_on_vm_start,
};

/** A request with this header traps. */
const TRAP_REQUEST = new Ascii("x-test-trap");
/** A page with one of these accounts on it, and how many followers shall meet the fault: the decimal behind the name. */
const TRAP_FOLLOWER = new Ascii("+trap-follower-");
const DELAY_FOLLOWER = new Ascii("+delay-follower-");
/** What the log says when a page that was delayed is done with, behind what the follower itself says of it. */
const DELAY_DONE = new Ascii("the delayed follower is done");
/** Longer than the lease, so that another follower takes over meanwhile, and has some seconds for it. */
const DELAY_NANOSECONDS: u64 = 8_000_000_000;
/** No step of the delay counts for more: while the machine stands still, nobody takes over. */
const STEP_NANOSECONDS: u64 = 100_000_000;

const COUNT: usize = memory.data(4, 4);

/** Where a delayed follower is: 0 nowhere, else the size of the page, after whose allocation comes that of the first record. */
let pageSize: u32 = 0;
let isBehindPage: bool = false;

export function proxy_on_memory_allocate(size: usize): usize {
  if (isBehindPage) {
    isBehindPage = false;
    pageSize = 0;
    // The host has read the record and its compare-and-set number: what is written from here on is late.
    let last = abi.readMonotonicClock();
    for (let waited: u64 = 0; waited < DELAY_NANOSECONDS; ) {
      const now = abi.readMonotonicClock();
      waited += min(now - last, STEP_NANOSECONDS);
      last = now;
    }
  }
  if (pageSize !== 0 && size === pageSize) isBehindPage = true;
  return filter.proxy_on_memory_allocate(size);
}

export function proxy_on_request_headers(id: u32, headers: u32, endOfStream: u32): u32 {
  abi.beginCallback();
  const found = env.proxy_get_header_map_value(
    abi.REQUEST_HEADERS,
    TRAP_REQUEST.start,
    TRAP_REQUEST.length,
    abi.OUT_BYTES,
    abi.OUT_LENGTH,
  );
  if (found === abi.OK) unreachable();
  return filter.proxy_on_request_headers(id, headers, endOfStream);
}

export function proxy_on_http_call_response(root: u32, call: u32, headers: u32, bodySize: u32, trailers: u32): void {
  abi.beginCallback();
  if (isAsked(TRAP_FOLLOWER, bodySize)) unreachable();
  const isDelayed = isAsked(DELAY_FOLLOWER, bodySize);
  if (isDelayed) pageSize = bodySize;
  filter.proxy_on_http_call_response(root, call, headers, bodySize, trailers);
  if (isDelayed) env.proxy_log(abi.LEVEL_ERROR, DELAY_DONE.start, DELAY_DONE.length);
}

/** True if the page asks for this fault, and not as many followers have met one as it wants. */
function isAsked(fault: Ascii, size: u32): bool {
  if (size === 0) return false;
  if (env.proxy_get_buffer_bytes(abi.ANSWER_BODY, 0, size, abi.OUT_BYTES, abi.OUT_LENGTH) !== abi.OK) return false;
  const page = abi.outBytes();
  const length = abi.outLength();
  for (let at = 0; at + fault.length < length; at++) {
    if (!fault.equals(page + <usize>at, fault.length)) continue;
    return countFault(fault, <u32>load<u8>(page + <usize>(at + fault.length)) - 0x30);
  }
  return false;
}

/** Counts in the shared data how many followers have met this fault. */
function countFault(fault: Ascii, wanted: u32): bool {
  const key = new SharedKey(fault.length).put(fault.start, fault.length);
  const isThere = readShared(key);
  const met: u32 = isThere ? load<u32>(abi.outBytes()) : 0;
  const cas = abi.outNumber();
  if (met >= wanted) return false;
  store<u32>(COUNT, met + 1);
  if (isThere) return replaceShared(key, COUNT, 4, cas);
  return createShared(key, COUNT, 4);
}
