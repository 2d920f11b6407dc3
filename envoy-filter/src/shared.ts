import * as abi from "./abi.ts";
import { Ascii } from "./bytes.ts";
import * as env from "./env.ts";

/** The number for a key that must not be there yet: a key that is new takes any, and none that is there will have this one. */
export const CAS_NEW: u32 = 0xffffffff;

// Every key begins with the number of the gate in whose name the callback runs: a vm_id may be shared with other filters, and
// with another gate, whose table is none of ours.
const NUMBER_SIZE: i32 = 8;
let gateInUse: u64 = 0;

/** Says whose values are read and written from here on. Every callback of an instance calls it first. */
export function useTableOf(gate: u64): void {
  gateInUse = gate;
}

/** A key of the shared data: the number, and what was put behind it. */
export class SharedKey {
  readonly start: usize;
  length: i32;

  /** @param size how long the name may become that is put behind the number */
  constructor(size: i32) {
    this.start = heap.alloc(<usize>(NUMBER_SIZE + size));
    this.length = NUMBER_SIZE;
  }

  /** Where the name begins. */
  get name(): usize {
    return this.start + <usize>NUMBER_SIZE;
  }

  /** Names a value. Its length is not checked against the key's size. */
  put(name: usize, length: i32): SharedKey {
    memory.copy(this.name, name, <usize>length);
    this.length = NUMBER_SIZE + length;
    return this;
  }

  /** Where the key lies, under the number of the gate in use. */
  place(): usize {
    store<u64>(this.start, gateInUse);
    return this.start;
  }
}

function nameKey(text: string): SharedKey {
  const name = new Ascii(text);
  return new SharedKey(name.length).put(name.start, name.length);
}

/** Reads a value that all workers share; `abi.outBytes`, `outLength` and `outNumber` then say what it is. */
export function readShared(key: SharedKey): bool {
  return env.proxy_get_shared_data(key.place(), key.length, abi.OUT_BYTES, abi.OUT_LENGTH, abi.OUT_NUMBER) === abi.OK;
}

/** Makes a value that is not there. False if it is there. */
export function createShared(key: SharedKey, value: usize, length: i32): bool {
  return env.proxy_set_shared_data(key.place(), key.length, value, length, CAS_NEW) === abi.OK;
}

/** Replaces a value, unless somebody else has since `cas` was read. */
export function replaceShared(key: SharedKey, value: usize, length: i32, cas: u32): bool {
  return env.proxy_set_shared_data(key.place(), key.length, value, length, cas) === abi.OK;
}

const STATE_KEY = nameKey("state");

// Where the state's parts lie in its bytes. Times are nanoseconds, first by the wall clock, then by the monotonic one.
const GENERATION: usize = 0;
const LAST_GENERATION: usize = 4;
const EXPIRES: usize = 8;
const SENT: usize = 24;
const SWEEP: usize = 40;
const LOAD_GENERATION: usize = 56;
const CURSOR_LENGTH: usize = 60;
const INCARNATION: usize = 64;
const CURSOR: usize = 80;
const LONGEST_CURSOR: i32 = 200;
const LONGEST_STATE: i32 = 80 + 200;
const SHORTEST_STATE: i32 = 80;

/**
 * Everything that the follower keeps beside the entries, as one value of the shared data: it changes as a whole, by
 * compare-and-set from the state that it was read as, so that a delayed follower undoes nothing (feed rule 20).
 */
export class TableState {
  private readonly start: usize = heap.alloc(<usize>LONGEST_STATE);
  private cas: u32 = 0;

  /** Reads it. False if there is none, or it can't be read. */
  read(): bool {
    if (!readShared(STATE_KEY)) return false;
    const length = abi.outLength();
    if (length < SHORTEST_STATE || length > LONGEST_STATE) return false;
    memory.copy(this.start, abi.outBytes(), <usize>length);
    this.cas = abi.outNumber();
    return this.length === length;
  }

  /** Makes the first state of this Envoy, with a random incarnation (feed rule 10), unless somebody else was faster. */
  create(): void {
    memory.fill(this.start, 0, <usize>LONGEST_STATE);
    if (abi.drawRandom(this.start + INCARNATION, 16)) createShared(STATE_KEY, this.start, this.length);
  }

  /** True if the state in force is the one that was read here. */
  isInForce(): bool {
    return readShared(STATE_KEY) && abi.outNumber() === this.cas;
  }

  /** Puts it in force in the place of the state that was read. False if another is in force by now. */
  write(): bool {
    if (!replaceShared(STATE_KEY, this.start, this.length, this.cas)) return false;
    if (!readShared(STATE_KEY) || abi.outLength() !== this.length) return false;
    if (memory.compare(abi.outBytes(), this.start, <usize>this.length) !== 0) return false;
    this.cas = abi.outNumber();
    return true;
  }

  private get length(): i32 {
    return SHORTEST_STATE + this.cursorLength;
  }

  /** The generation of the table in force; 0 while there is none (feed rule 21). */
  get generation(): u32 {
    return load<u32>(this.start + GENERATION);
  }

  /** The generation that a load under way writes to; 0 for none. */
  get loadGeneration(): u32 {
    return load<u32>(this.start + LOAD_GENERATION);
  }

  get incarnation(): usize {
    return this.start + INCARNATION;
  }

  get cursor(): usize {
    return this.start + CURSOR;
  }

  /** 0 for a first load. */
  get cursorLength(): i32 {
    return load<i32>(this.start + CURSOR_LENGTH);
  }

  /** True if the cursor lies within a sweep. */
  get isInSweep(): bool {
    return load<u64>(this.start + SWEEP) !== 0;
  }

  /** When the first poll of the last whole sweep was sent, by the wall clock. */
  get sentWall(): u64 {
    return load<u64>(this.start + SENT);
  }

  /** Nanoseconds since the first poll of the last whole sweep was sent, by the clock that says more (feed rule 15). */
  readAge(): u64 {
    const wall = elapsed(this.sentWall, abi.readWallClock());
    return max(wall, elapsed(load<u64>(this.start + SENT, 8), abi.readMonotonicClock()));
  }

  /** True if either clock says that the table's life is over. */
  isExpired(): bool {
    return (
      abi.readWallClock() > load<u64>(this.start + EXPIRES) ||
      abi.readMonotonicClock() > load<u64>(this.start + EXPIRES, 8)
    );
  }

  /** Claims a generation for a full load: the next whose entries do not lie where those in force do (feed rule 21). */
  beginLoad(): void {
    let generation = load<u32>(this.start + LAST_GENERATION) + 1;
    if (this.generation !== 0 && ((generation ^ this.generation) & 1) === 0) generation++;
    store<u32>(this.start + LAST_GENERATION, generation);
    store<u32>(this.start + LOAD_GENERATION, generation);
    store<u64>(this.start + SWEEP, 0);
  }

  /** Goes on to the next page of a sweep whose first poll was sent at these times, unless an earlier one began it. */
  advance(cursor: usize, length: i32, wall: u64, monotonic: u64): void {
    this.setCursor(cursor, length);
    if (this.isInSweep) return;
    store<u64>(this.start + SWEEP, wall);
    store<u64>(this.start + SWEEP, monotonic, 8);
  }

  /** Ends the sweep: what was loaded is in force, for `life` nanoseconds from its first poll. */
  endSweep(life: u64): void {
    if (this.loadGeneration !== 0) store<u32>(this.start + GENERATION, this.loadGeneration);
    store<u32>(this.start + LOAD_GENERATION, 0);
    for (let clock: usize = 0; clock < 16; clock += 8) {
      const sent = load<u64>(this.start + SWEEP + clock);
      store<u64>(this.start + SENT + clock, sent);
      store<u64>(this.start + EXPIRES + clock, sent + life);
      store<u64>(this.start + SWEEP + clock, 0);
    }
  }

  /** Forgets how far the feed was followed; the table in force stays. */
  forgetProgress(): void {
    store<u32>(this.start + LOAD_GENERATION, 0);
    store<u64>(this.start + SWEEP, 0);
    store<u64>(this.start + SWEEP, 0, 8);
    this.setCursor(0, 0);
  }

  /** Drops the table and draws a new incarnation (feed rule 25). False if there is no randomness. */
  startAnew(): bool {
    this.forgetProgress();
    store<u32>(this.start + GENERATION, 0);
    return abi.drawRandom(this.incarnation, 16);
  }

  private setCursor(cursor: usize, length: i32): void {
    store<i32>(this.start + CURSOR_LENGTH, min(length, LONGEST_CURSOR));
    memory.copy(this.start + CURSOR, cursor, <usize>this.cursorLength);
  }
}

function elapsed(from: u64, to: u64): u64 {
  return to > from ? to - from : 0;
}

const LEASE_KEY = nameKey("lease");
const LEASE_NANOSECONDS: u64 = 2_000_000_000;
const LEASE_VALUE: usize = memory.data(16, 8); // until when, by the monotonic clock; whose

/** True while `owner` has the lease, which says who follows the feed. */
export function holdsLease(owner: u64): bool {
  if (!readShared(LEASE_KEY) || abi.outLength() !== 16) return false;
  return load<u64>(abi.outBytes(), 8) === owner && load<u64>(abi.outBytes()) > abi.readMonotonicClock();
}

/** Takes or renews the lease, unless another has it. */
export function takeLease(owner: u64): bool {
  const now = abi.readMonotonicClock();
  store<u64>(LEASE_VALUE, now + LEASE_NANOSECONDS);
  store<u64>(LEASE_VALUE, owner, 8);
  if (!readShared(LEASE_KEY) || abi.outLength() !== 16) return createShared(LEASE_KEY, LEASE_VALUE, 16);
  const until = load<u64>(abi.outBytes());
  const isMine = load<u64>(abi.outBytes(), 8) === owner;
  if (until > now && !isMine) return false;
  if (isMine && until > now + LEASE_NANOSECONDS / 2) return true;
  return replaceShared(LEASE_KEY, LEASE_VALUE, 16, abi.outNumber());
}

const FAILURE_KEY = nameKey("failure");
const LONGEST_FAILURE: i32 = 200;
const FAILURE_VALUE: usize = memory.data(4 + 200, 4); // u32 how many there were, then the last one's text

/** Notes what went wrong with the feed, for the status page. */
export function noteFailure(text: usize, length: i32): void {
  const isThere = readShared(FAILURE_KEY) && abi.outLength() >= 4;
  const count: u32 = isThere ? load<u32>(abi.outBytes()) : 0;
  const cas = abi.outNumber();
  const kept = min(length, LONGEST_FAILURE);
  store<u32>(FAILURE_VALUE, count + 1);
  memory.copy(FAILURE_VALUE + 4, text, <usize>kept);
  if (isThere) replaceShared(FAILURE_KEY, FAILURE_VALUE, kept + 4, cas);
  else createShared(FAILURE_KEY, FAILURE_VALUE, kept + 4);
}

/** Reads the last failure: a u32, how many there were, and its text. False if there was none. */
export function readFailure(): bool {
  return readShared(FAILURE_KEY) && abi.outLength() >= 4;
}
