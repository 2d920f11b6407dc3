// What the host gives and takes, behind functions: constants of the ABI, results, clocks, and the memory that Envoy writes to.
// Nothing here allocates a managed object after start, so nothing is left to collect.

import { clock_time_get, random_get } from "./wasi_snapshot_preview1.ts";

export const OK: u32 = 0;

/** Header maps: the request's, and those of the answer to {@link proxy_http_call}. */
export const REQUEST_HEADERS: u32 = 0;
export const ANSWER_HEADERS: u32 = 6;
/** Buffers: the body of the answer to {@link proxy_http_call}, and the plugin's configuration. */
export const ANSWER_BODY: u32 = 4;
export const CONFIGURATION: u32 = 7;

export const LEVEL_INFO: u32 = 2;
export const LEVEL_WARN: u32 = 3;
export const LEVEL_ERROR: u32 = 4;

export const COUNTER: u32 = 0;
export const GAUGE: u32 = 1;

// Where calls put their results: two words, a number, a moment.
const OUT: usize = memory.data(24, 8);
export const OUT_BYTES: usize = OUT;
export const OUT_LENGTH: usize = OUT + 4;
export const OUT_NUMBER: usize = OUT + 8;
const OUT_TIME: usize = OUT + 16;

/** Where the bytes lie that the last call returned; they stay until the next callback. */
export function outBytes(): usize {
  return load<usize>(OUT_BYTES);
}

export function outLength(): i32 {
  return load<i32>(OUT_LENGTH);
}

export function outNumber(): u32 {
  return load<u32>(OUT_NUMBER);
}

/** Nanoseconds since 1970. */
export function readWallClock(): u64 {
  store<u64>(OUT_TIME, 0);
  clock_time_get(0, 0, OUT_TIME);
  return load<u64>(OUT_TIME);
}

/** Nanoseconds of a clock that nobody sets. */
export function readMonotonicClock(): u64 {
  store<u64>(OUT_TIME, 0);
  clock_time_get(1, 0, OUT_TIME);
  return load<u64>(OUT_TIME);
}

/** False if there is no randomness to be had. */
export function drawRandom(bytes: usize, length: usize): bool {
  return random_get(bytes, length) === 0;
}

// The host asks for memory once for each call that returns bytes. They are wanted until the callback ends, so they come from a
// fixed area that the next callback takes anew; what does not fit is freed there too.
const SCRATCH_SIZE: usize = 64 * 1024;
const scratch: usize = memory.data(64 * 1024, 16);
let scratchUsed: usize = 0;
let blocks: usize = 0; // a list: the next block's place at the begin of each

/** Memory for what a call returns. */
export function allocate(size: usize): usize {
  const rounded = (size + 15) & ~15;
  if (scratchUsed + rounded <= SCRATCH_SIZE) {
    const place = scratch + scratchUsed;
    scratchUsed += rounded;
    return place;
  }
  const block = heap.alloc(rounded + 16);
  store<usize>(block, blocks);
  blocks = block;
  return block + 16;
}

/** Every callback calls it first: what the host wrote for the one before is gone. */
export function beginCallback(): void {
  scratchUsed = 0;
  while (blocks !== 0) {
    const next = load<usize>(blocks);
    heap.free(blocks);
    blocks = next;
  }
}

/** How much of the area is in use, for {@link releaseTo}. */
export function scratchMark(): usize {
  return scratchUsed;
}

/** Gives back what the host wrote since the mark was taken: a callback that makes many calls would outgrow the area. */
export function releaseTo(mark: usize): void {
  scratchUsed = mark;
}
