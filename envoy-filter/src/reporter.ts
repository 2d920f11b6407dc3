import { isAllowed } from "../../core/src/reason.ts";
import * as abi from "./abi.ts";
import { Ascii, Writer } from "./bytes.ts";
import { Counts, KEYS } from "./counts.ts";
import * as env from "./env.ts";
import { Backoff, FeedCall, readStatus } from "./feed-call.ts";
import { countReportError, countUncounted, UNCOUNTED } from "./metrics.ts";
import { Decided, openRequest } from "./open-requests.ts";
import { Settings } from "./settings.ts";
import { TableState } from "./shared.ts";

// What this VM tells the api of the requests it decided. Counting takes memory of a fixed size and no call of the host, and
// whatever goes wrong here concerns no request.

/** With this filter's version, as in package.json; Envoy's own stands behind it. */
const PRODUCT = new Ascii("linkgate-envoy/0.1.0");
const ENVOY = new Ascii(" envoy/");
const VERSION: Ascii[] = [
  new Ascii("xds\0node\0user_agent_build_version\0version\0major_number"),
  new Ascii("xds\0node\0user_agent_build_version\0version\0minor_number"),
  new Ascii("xds\0node\0user_agent_build_version\0version\0patch"),
];
const POST = new Ascii("POST");
const TEXT = new Ascii("text/plain; charset=us-ascii");
const CALL = new Ascii("/gate/v1/reports?gate=");
const AND_INCARNATION = new Ascii("&incarnation=");
const AND_REPORTER = new Ascii("&reporter=");
const AND_SEQUENCE = new Ascii("&sequence=");
const AND_AGE = new Ascii("&age=");
const REFUSED = new Ascii("the api refused a report of requests, whose counts are lost: ");
const NOT_TAKEN = new Ascii("a report of requests was not taken, and is sent again until it is: ");

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const ANSWER_MS: u64 = 5000;
/** Lines of a report: with the longest names, reasons and numbers these fit into it. */
const LINES: i32 = 900;
const LARGEST_BODY: i32 = 128 << 10;

// How many keys there may be when a new one is added. A stranger may choose link ids, so refused ones leave room for the others.
const ROOM_REFUSED_LINK: i32 = KEYS / 4;
const ROOM_LINK: i32 = (KEYS / 4) * 3;
const ROOM_ACCOUNT: i32 = KEYS - 1;

const userAgent = new Writer(120);
const path = new Writer(1024);
const message = new Writer(128);
const state = new TableState();

/** Counts what the instances of one gate decide in this VM, and sends it: one batch at a time, until the api has taken it. */
export class Reporter {
  private counting: Counts = new Counts();
  /** When the first request came that `counting` has. */
  private begun: u64 = 0;
  /** What goes out batch by batch while counting goes on, when its first request came, and how many keys have gone into batches. */
  private draining: Counts = new Counts();
  private drainingBegun: u64 = 0;
  private drained: i32 = 0;

  /** Which VM counts: random, since one that is loaded anew counts its batches from 1. */
  private readonly name: usize = heap.alloc(8);
  /** The batch, from 1: the same until it is taken, with the incarnation that it was made in. */
  private sequence: u64 = 0;
  private isTaken: bool = true;
  private readonly incarnation: usize = heap.alloc(16);
  private readonly body: Writer = new Writer(LARGEST_BODY);
  private batchBegun: u64 = 0;

  private sentAt: u64 = 0;
  private readonly call: FeedCall = new FeedCall();
  private readonly backoff: Backoff = new Backoff();
  private hasFailed: bool = false;

  /** Keeps a request that was decided until it ends; where there is no room, counts it at once, without its bytes. */
  open(context: u32, decided: Decided): void {
    if (!openRequest(context, decided)) this.count(decided, 0);
  }

  /** Counts a request; where there is no room for its link id without that, or else under no account. @param bytes sent for it */
  count(decided: Decided, bytes: u64): void {
    const counts = this.counting;
    if (counts.length === 0) this.begun = abi.readMonotonicClock();
    const account = decided.account;
    const length = decided.accountLength;
    const reason = decided.reason;
    const room = isAllowed(reason) ? ROOM_LINK : ROOM_REFUSED_LINK;
    if (decided.linkId !== 0 && counts.add(account, length, reason, decided.linkId, bytes, room)) return;
    if (counts.add(account, length, reason, 0, bytes, ROOM_ACCOUNT)) return;
    counts.add(account, 0, UNCOUNTED, 0, bytes, KEYS);
    countUncounted();
  }

  /** Sends a batch if it is time to: at most one a second, an empty one at first and after a minute without any. */
  tick(settings: Settings): void {
    const now = abi.readMonotonicClock();
    if (this.call.isOverdue(now)) this.fail(0);
    if (this.call.isUnderWay || now < this.backoff.retryAt || now < this.sentAt + SECOND) return;
    if (this.isTaken && !this.makeBatch(now)) return;
    this.sentAt = now;
    this.writePath(settings, (now - this.batchBegun) / SECOND);
    if (!this.call.sendBody(settings, POST, path, this.body, TEXT, userAgent, ANSWER_MS)) this.fail(0);
  }

  /** Takes the answer of a call. */
  receive(call: u32, headers: u32): void {
    if (!this.call.take(call)) return;
    const status = headers === 0 ? 0 : readStatus();
    this.isTaken = status === 204 || status === 400 || status === 413;
    if (status !== 204) this.fail(status);
    if (!this.isTaken) return;
    this.backoff.reset();
    this.hasFailed = false;
  }

  /** False if there is nothing to tell yet, or nobody to tell it as. */
  private makeBatch(now: u64): bool {
    const isDrained = this.drained === this.draining.length;
    const isEmpty = isDrained && this.counting.length === 0;
    if (isEmpty && this.sequence !== 0 && now < this.sentAt + MINUTE) return false;
    if (this.sequence === 0 && !abi.drawRandom(this.name, 8)) return false;
    if (userAgent.length === 0) writeUserAgent();
    if (!state.read()) return false; // no follower has drawn an incarnation yet
    if (isDrained) this.swap();
    memory.copy(this.incarnation, state.incarnation, 16);
    this.batchBegun = isEmpty ? now : this.drainingBegun;
    this.body.clear();
    const end = min(this.drained + LINES, this.draining.length);
    for (; this.drained < end; this.drained++) this.draining.writeLine(this.drained, this.body);
    this.sequence++;
    this.isTaken = false;
    return true;
  }

  /** Has what was counted go out, and counts anew. */
  private swap(): void {
    const cleared = this.draining;
    cleared.clear();
    this.draining = this.counting;
    this.drainingBegun = this.begun;
    this.drained = 0;
    this.counting = cleared;
  }

  private writePath(settings: Settings, age: u64): void {
    path.clear().ascii(settings.feedPath).ascii(CALL).percentEncoded(settings.gate.start, settings.gate.length);
    path.ascii(AND_INCARNATION).hex(this.incarnation, 16);
    path.ascii(AND_REPORTER).hex(this.name, 8);
    path.ascii(AND_SEQUENCE).decimal(this.sequence);
    path.ascii(AND_AGE).decimal(age);
  }

  /** Notes that a report was lost, or was not taken: that one once, as long as it goes on. @param status 0 for no answer */
  private fail(status: i32): void {
    this.call.forget();
    this.backoff.lengthen();
    countReportError();
    if (this.hasFailed && !this.isTaken) return;
    this.hasFailed = true;
    message
      .clear()
      .ascii(this.isTaken ? REFUSED : NOT_TAKEN)
      .decimal(<u64>status);
    env.proxy_log(abi.LEVEL_WARN, message.start, message.length);
  }
}

/** Writes who reports. Envoy's version is left out where the host does not tell it. */
function writeUserAgent(): void {
  userAgent.clear().ascii(PRODUCT);
  for (let part = 0; part < VERSION.length; part++) {
    const property = VERSION[part];
    const status = env.proxy_get_property(property.start, property.length, abi.OUT_BYTES, abi.OUT_LENGTH);
    if (status !== abi.OK || abi.outLength() !== 8) return;
    if (part === 0) userAgent.ascii(ENVOY);
    else userAgent.code(0x2e);
    userAgent.decimal(load<u64>(abi.outBytes()));
  }
}
