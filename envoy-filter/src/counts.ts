import * as abi from "./abi.ts";
import { Writer } from "./bytes.ts";
import { REASON_TEXTS } from "./metrics.ts";

// What requests are counted by: account, reason, link id. A fixed piece of memory, since clients choose names and link ids.

/** How many keys there is room for: what is asked for in the 18 s that as many take to be reported, 900 lines a second. */
export const KEYS: i32 = 16384;
/** Where keys are found by their hash: four places for each, so that a look-up looks at few of them. */
const PLACES: u32 = 65536;
/** A look-up that finds its key nowhere in so many places, and none of them free, has no room. */
const LONGEST_LOOKUP: u32 = 16;

// A key: its hash, link id, requests, bytes, reason, length of the account, account.
const HASH: usize = 0;
const LINK: usize = 4;
const REQUESTS: usize = 8;
const BYTES: usize = 16;
const REASON: usize = 24;
const LENGTH: usize = 25;
const ACCOUNT: usize = 26;
const KEY_SIZE: usize = 96;

const DRAWN: usize = memory.data(4, 4);

/** Requests and their bytes by key, in the order in which the keys came. */
export class Counts {
  private readonly keys: usize = heap.alloc(<usize>KEYS * KEY_SIZE);
  /** By hash: a key's number, from 1; 0 where there is none. */
  private readonly places: usize = heap.alloc(<usize>PLACES * 2);
  /** Random, so that nobody can choose keys of one place. */
  private seed: u32 = 0;
  /** How many keys there are. */
  length: i32 = 0;

  constructor() {
    this.clear();
  }

  clear(): void {
    this.length = 0;
    memory.fill(this.places, 0, <usize>PLACES * 2);
    if (abi.drawRandom(DRAWN, 4)) this.seed = load<u32>(DRAWN);
  }

  /**
   * Counts a request.
   * @param length of the account's name, at most 63
   * @param linkId 0 for none
   * @param room how many keys there may be at most for this one to be added; one that is there is always counted
   * @returns false if there is no room
   */
  add(account: usize, length: i32, reason: i32, linkId: u32, bytes: u64, room: i32): bool {
    const hash = this.hash(account, length, reason, linkId);
    for (let step: u32 = 0; step < LONGEST_LOOKUP; step++) {
      const place = this.places + ((<usize>((hash + step) & (PLACES - 1))) << 1);
      const number: i32 = load<u16>(place);
      if (number === 0) {
        if (this.length >= room) return false;
        this.addKey(hash, account, length, reason, linkId, bytes);
        store<u16>(place, <u16>this.length);
        return true;
      }
      const key = this.keyAt(number - 1);
      if (!isKey(key, hash, account, length, reason, linkId)) continue;
      store<u64>(key, load<u64>(key, REQUESTS) + 1, REQUESTS);
      store<u64>(key, load<u64>(key, BYTES) + bytes, BYTES);
      return true;
    }
    return false;
  }

  /** Writes a key's line of a report: account, reason, link id, requests, bytes. @param number from 0 */
  writeLine(number: i32, out: Writer): void {
    const key = this.keyAt(number);
    const linkId = load<u32>(key, LINK);
    out.bytes(key + ACCOUNT, <i32>load<u8>(key, LENGTH)).code(0x09);
    out.ascii(REASON_TEXTS[<i32>load<u8>(key, REASON)]).code(0x09);
    if (linkId !== 0) out.decimal(<u64>linkId);
    out.code(0x09).decimal(load<u64>(key, REQUESTS));
    out.code(0x09).decimal(load<u64>(key, BYTES)).code(0x0a);
  }

  private addKey(hash: u32, account: usize, length: i32, reason: i32, linkId: u32, bytes: u64): void {
    const key = this.keyAt(this.length);
    store<u32>(key, hash, HASH);
    store<u32>(key, linkId, LINK);
    store<u64>(key, 1, REQUESTS);
    store<u64>(key, bytes, BYTES);
    store<u8>(key, <u8>reason, REASON);
    store<u8>(key, <u8>length, LENGTH);
    memory.copy(key + ACCOUNT, account, <usize>length);
    this.length++;
  }

  private keyAt(number: i32): usize {
    return this.keys + <usize>number * KEY_SIZE;
  }

  /** FNV-1a, with its bits mixed once more: places are taken by the lowest. */
  private hash(account: usize, length: i32, reason: i32, linkId: u32): u32 {
    let hash: u32 = (this.seed ^ linkId) * 0x01000193;
    hash = (hash ^ (hash >> 15) ^ <u32>reason) * 0x01000193;
    for (let at = 0; at < length; at++) hash = (hash ^ <u32>load<u8>(account + <usize>at)) * 0x01000193;
    return hash ^ (hash >> 15);
  }
}

function isKey(key: usize, hash: u32, account: usize, length: i32, reason: i32, linkId: u32): bool {
  return (
    load<u32>(key, HASH) === hash &&
    load<u32>(key, LINK) === linkId &&
    <i32>load<u8>(key, REASON) === reason &&
    <i32>load<u8>(key, LENGTH) === length &&
    memory.compare(key + ACCOUNT, account, <usize>length) === 0
  );
}
