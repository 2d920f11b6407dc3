// What was decided about the requests that are not answered to the end yet: how much was sent is known only then.

/** How many there is room for in a VM. */
const ROOM: i32 = 4096;
// By the context's number: the context, and where the request lies. A context looks for its own in a few places that follow each
// other, so that one which stays open for long is in nobody's way.
const PLACES: u32 = 16384;
const LOOKUP: u32 = 8;
const PLACE_SIZE: usize = 8;
const CONTEXT: usize = 0;
const REQUEST: usize = 4;

// A request: link id, which reporter, reason, length of the account, account.
const LINK: usize = 0;
const REPORTER: usize = 4;
const REASON: usize = 8;
const LENGTH: usize = 9;
const ACCOUNT: usize = 10;
const REQUEST_SIZE: usize = 80;

const places: usize = heap.alloc(<usize>PLACES * PLACE_SIZE);
memory.fill(places, 0, <usize>PLACES * PLACE_SIZE);
const requests: usize = heap.alloc(<usize>ROOM * REQUEST_SIZE);
/** Requests that have been in use and are free: the last one first, since it is still in the cache. */
const freed: StaticArray<u16> = new StaticArray<u16>(ROOM);
let freedCount: i32 = 0;
let used: i32 = 0;

/** A request that was decided. */
export class Decided {
  reporter: i32 = 0;
  reason: i32 = 0;
  /** 0 for none. */
  linkId: u32 = 0;
  /** The account's name, at most 63 bytes; none if the table has no such account. */
  account: usize = 0;
  accountLength: i32 = 0;

  clear(): void {
    this.linkId = 0;
    this.account = 0;
    this.accountLength = 0;
  }
}

/** Keeps what was decided until its request ends. False if there is no room. */
export function openRequest(context: u32, decided: Decided): bool {
  const place = findPlace(context, 0);
  if (place === 0 || (freedCount === 0 && used === ROOM)) return false;
  const number: i32 = freedCount > 0 ? freed[--freedCount] : used++;
  const request = requestAt(number);
  store<u32>(request, decided.linkId, LINK);
  store<i32>(request, decided.reporter, REPORTER);
  store<u8>(request, <u8>decided.reason, REASON);
  store<u8>(request, <u8>decided.accountLength, LENGTH);
  memory.copy(request + ACCOUNT, decided.account, <usize>decided.accountLength);
  store<u32>(place, context, CONTEXT);
  store<i32>(place, number, REQUEST);
  return true;
}

/** Takes out what was decided. False if nothing was. `decided.account` lies there until the next request is opened. */
export function closeRequest(context: u32, decided: Decided): bool {
  const place = findPlace(context, context);
  if (place === 0) return false;
  const number = load<i32>(place, REQUEST);
  const request = requestAt(number);
  decided.linkId = load<u32>(request, LINK);
  decided.reporter = load<i32>(request, REPORTER);
  decided.reason = load<u8>(request, REASON);
  decided.accountLength = load<u8>(request, LENGTH);
  decided.account = request + ACCOUNT;
  store<u32>(place, 0, CONTEXT);
  freed[freedCount++] = <u16>number;
  return true;
}

/** The place of a context that holds `held`, which is the context itself or 0; 0 if there is none. */
function findPlace(context: u32, held: u32): usize {
  for (let step: u32 = 0; step < LOOKUP; step++) {
    const place = places + <usize>((context + step) & (PLACES - 1)) * PLACE_SIZE;
    if (load<u32>(place, CONTEXT) === held) return place;
  }
  return 0;
}

function requestAt(number: i32): usize {
  return requests + <usize>number * REQUEST_SIZE;
}
