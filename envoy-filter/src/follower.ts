import {
  LINE_DONE,
  LINE_MALFORMED,
  LINE_MORE,
  Line,
  readLine,
  readStartOver,
  START_OVER_KEEP,
} from "../../core/src/feed.ts";
import { Span } from "../../core/src/glue/wasm/span.ts";
import { LF } from "../../core/src/text.ts";
import * as abi from "./abi.ts";
import { Ascii, Writer } from "./bytes.ts";
import * as env from "./env.ts";
import { Backoff, FeedCall, readStatus } from "./feed-call.ts";
import { countFeedError, countSweep, recordTable } from "./metrics.ts";
import { Settings } from "./settings.ts";
import { holdsLease, noteFailure, TableState, takeLease } from "./shared.ts";
import { TableWriter } from "./table.ts";

// One follower per Envoy process: every root context of the filter ticks, in every worker and on the main thread, and the one
// that has the lease follows the feed. One that traps or goes with its listener ticks no more, and another takes over.

/** How often a root context looks at the lease, in milliseconds. */
export const TICK_MS: u32 = 100;

/** Lines a page: some milliseconds of a thread that answers nobody meanwhile. */
const PAGE_LINES: u64 = 2000;
/** A table's life counts from when the poll was sent, so a poll waits for a small part of it, in tenths of a second. */
const LONGEST_WAIT: u64 = 50;
/** How much longer than its wait an answer may take, in milliseconds: a hung feed looks like a quiet one. */
const ANSWER_MS: u64 = 5000;
const LARGEST_PAGE: u32 = 16 << 20;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;

const GET = new Ascii("GET");
const CALL = new Ascii("/gate/v1/changes?gate=");
const AND_INCARNATION = new Ascii("&incarnation=");
const AND_CURSOR = new Ascii("&cursor=");
const AND_MAX_AGE = new Ascii("&maxAge=");
const AND_WAIT = new Ascii("&wait=");
const AND_LIMIT = new Ascii("&limit=");

const NO_CALL = new Ascii("the feed's cluster takes no call");
const NO_ANSWER = new Ascii("the feed can't be reached, or gave no whole answer in time");
const BAD_STATUS = new Ascii("the feed answered ");
const EMPTY = new Ascii("the page is empty");
const TOO_LARGE = new Ascii("the page is too large, or can't be read");
const MALFORMED = new Ascii("a line of the page is malformed, or the page was cut: line ");
const NOT_WRITTEN = new Ascii("a change could not be written");
const OVERTAKEN = new Ascii("another follower has overtaken this one");
const UNKNOWN_CURSOR = new Ascii("the feed does not know the cursor; a new table is loaded while the old one serves");
const RETIRED = new Ascii("the registry has retired this incarnation; the table is dropped");

const DRAWN: usize = memory.data(8, 8);
const path = new Writer(1024);
const message = new Writer(256);
const page = new Span();
const line = new Line();
const writer = new TableWriter();

/** Follows the feed for one root context, as long as that has the lease. */
export class Follower {
  private readonly settings: Settings;
  /** Who this is in the lease: random, so that no VM that is loaded anew takes itself for the one before. */
  private owner: u64 = 0;
  /** The state that the poll under way was sent from; nobody else's answer fits it. */
  private readonly state: TableState = new TableState();
  private sentWall: u64 = 0;
  private sentMonotonic: u64 = 0;
  private readonly call: FeedCall = new FeedCall();
  private readonly backoff: Backoff = new Backoff();
  private hasPolled: bool = false;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  /** Renews the lease or tries for it; with it, keeps one poll under way (feed rule 17). */
  tick(): void {
    if (this.owner === 0 && !this.drawOwner()) return;
    if (!takeLease(this.owner)) {
      this.call.forget();
      return;
    }
    if (this.hasPolled) this.recordAge(); // with the state of the last poll: the age grows while the feed is silent
    const now = abi.readMonotonicClock();
    if (this.call.isOverdue(now)) this.fail(NO_ANSWER, 0);
    else if (!this.call.isUnderWay && now >= this.backoff.retryAt) this.poll();
  }

  /** Takes the answer of a call. */
  receive(call: u32, headers: u32, bodySize: u32): void {
    if (!this.call.take(call)) return; // not the current poll's (feed rule 17)
    if (!holdsLease(this.owner)) return;
    if (!this.applyAnswer(headers, bodySize)) return;
    this.backoff.reset();
    this.poll();
  }

  private poll(): bool {
    if (!this.state.read()) {
      this.state.create();
      if (!this.state.read()) return this.fail(NOT_WRITTEN, 0);
    }
    this.recordAge();
    const wait = min(LONGEST_WAIT, <u64>this.settings.maxTableAge * 2);
    this.writePath(wait);
    // Both clocks are read before the poll is sent (feed rule 15).
    this.sentWall = abi.readWallClock();
    this.sentMonotonic = abi.readMonotonicClock();
    if (!this.call.send(this.settings, GET, path, wait * 100 + ANSWER_MS)) return this.fail(NO_CALL, 0);
    this.hasPolled = true;
    return true;
  }

  private writePath(wait: u64): void {
    const settings = this.settings;
    path.clear().ascii(settings.feedPath).ascii(CALL).percentEncoded(settings.gate.start, settings.gate.length);
    path.ascii(AND_INCARNATION).hex(this.state.incarnation, 16);
    path.ascii(AND_CURSOR).percentEncoded(this.state.cursor, this.state.cursorLength);
    path.ascii(AND_MAX_AGE).decimal(settings.maxTableAge);
    path
      .ascii(AND_WAIT)
      .decimal(wait / 10)
      .code(0x2e)
      .decimal(wait % 10);
    path.ascii(AND_LIMIT).decimal(PAGE_LINES);
  }

  private applyAnswer(headers: u32, bodySize: u32): bool {
    if (headers === 0) return this.fail(NO_ANSWER, 0);
    if (!this.state.isInForce()) return this.fail(OVERTAKEN, 0);
    const status = readStatus();
    if (status === 410) return this.startOver(bodySize);
    if (status !== 200) return this.fail(BAD_STATUS, status);
    if (bodySize === 0) return this.fail(EMPTY, 0);
    return readBody(bodySize) ? this.applyPage() : this.fail(TOO_LARGE, 0);
  }

  /** Checks the whole page, then applies it. False when it was dropped, and nothing is acknowledged. */
  private applyPage(): bool {
    const bad = findMalformedLine();
    if (bad > 0) return this.fail(MALFORMED, bad);
    const state = this.state;
    if (state.cursorLength === 0) {
      state.beginLoad();
      if (!state.write()) return this.fail(OVERTAKEN, 0);
    }
    const generation = state.loadGeneration !== 0 ? state.loadGeneration : state.generation;
    if (!applyLines(generation)) return this.fail(NOT_WRITTEN, 0);
    // Records are written; cursor, age and generation in force follow in one write (feed rule 18).
    const length = line.nameEnd - line.nameStart;
    state.advance(page.start + <usize>line.nameStart, length, this.sentWall, this.sentMonotonic);
    const isDone = page.charCodeAt(line.nameEnd + 1) === 0x64; // "done": readLine has checked the word
    if (isDone) state.endSweep(<u64>this.settings.maxTableAge * SECOND);
    if (!state.write()) return this.fail(OVERTAKEN, 0);
    if (isDone) countSweep();
    return true;
  }

  /** "Start over" (410): the table goes on to serve, but is not refreshed; or it is dropped at once (feed rule 25). */
  private startOver(bodySize: u32): bool {
    if (readBody(bodySize) && readStartOver(page) === START_OVER_KEEP) {
      this.state.forgetProgress();
      this.state.write();
      return this.fail(UNKNOWN_CURSOR, 0);
    }
    // Another follower's write can only have come before this incarnation was retired: drop whatever is in force.
    for (let tries = 0; tries < 10; tries++) {
      if (this.state.startAnew() && this.state.write()) break;
      if (!this.state.read()) break;
    }
    return this.fail(RETIRED, 0);
  }

  /** Notes a failure; the next poll waits, longer each time. */
  private fail(text: Ascii, number: i32): bool {
    message.clear().ascii(text);
    if (number > 0) message.decimal(number);
    env.proxy_log(abi.LEVEL_ERROR, message.start, message.length);
    noteFailure(message.start, message.length);
    countFeedError();
    this.call.forget();
    this.backoff.lengthen();
    return false;
  }

  private drawOwner(): bool {
    if (!abi.drawRandom(DRAWN, 8)) return false;
    this.owner = load<u64>(DRAWN);
    return this.owner !== 0;
  }

  private recordAge(): void {
    const state = this.state;
    if (state.generation === 0) recordTable(0, 0, 0);
    else recordTable(state.readAge() / SECOND, state.generation, state.sentWall / SECOND);
  }
}

/** Points `page` at the body of the answer. */
function readBody(size: u32): bool {
  if (size > LARGEST_PAGE) return false;
  if (env.proxy_get_buffer_bytes(abi.ANSWER_BODY, 0, size, abi.OUT_BYTES, abi.OUT_LENGTH) !== abi.OK) return false;
  page.at(abi.outBytes(), abi.outLength());
  return <u32>page.length === size;
}

function findEndOfLine(from: i32): i32 {
  const length = page.length;
  for (let at = from; at < length; at++) {
    if (load<u8>(page.start + <usize>at) === LF) return at;
  }
  return -1;
}

/** The number of the first line that is malformed, or behind the last; 0 if the page is whole and good. */
function findMalformedLine(): i32 {
  let number = 1;
  let from = 0;
  for (let end = findEndOfLine(0); end >= 0; end = findEndOfLine(from)) {
    const kind = readLine(page, from, end, line);
    if (kind === LINE_MALFORMED) return number;
    if (kind === LINE_MORE || kind === LINE_DONE) return 0; // readLine has seen that nothing follows
    from = end + 1;
    number++;
  }
  return number;
}

/** Applies a page that is known to be good; `line` is its last one then. */
function applyLines(generation: u32): bool {
  const mark = abi.scratchMark();
  let from = 0;
  for (let end = findEndOfLine(0); end >= 0; end = findEndOfLine(from)) {
    const kind = readLine(page, from, end, line);
    if (kind === LINE_MORE || kind === LINE_DONE) return true;
    if (!writer.apply(page, line, kind, generation)) return false;
    abi.releaseTo(mark);
    from = end + 1;
  }
  return false;
}
