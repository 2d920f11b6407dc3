import * as abi from "./abi.ts";
import { Ascii, PairsWriter, Writer } from "./bytes.ts";
import * as env from "./env.ts";
import { Settings } from "./settings.ts";

// How this filter calls the api: one call at a time, given up when its answer does not come, and tried again ever more slowly.

const MILLISECOND: u64 = 1_000_000;
const FIRST_PAUSE: u64 = 100 * MILLISECOND;
const LONGEST_PAUSE: u64 = 10_000 * MILLISECOND;
/** How much longer than the host is given an answer is waited for: the root context that asked may be gone, and nobody says so. */
const GRACE: u64 = 1000 * MILLISECOND;

const METHOD = new Ascii(":method");
const PATH = new Ascii(":path");
const AUTHORITY = new Ascii(":authority");
const STATUS = new Ascii(":status");
const CONTENT_TYPE = new Ascii("content-type");
const USER_AGENT = new Ascii("user-agent");

const DRAWN: usize = memory.data(4, 4);
const pairs = new PairsWriter();

/** A call that is under way, or was. The token is the cluster's business. */
export class FeedCall {
  private id: u32 = 0;
  /** By the monotonic clock; 0 while no answer is waited for. */
  private deadline: u64 = 0;

  get isUnderWay(): bool {
    return this.deadline !== 0;
  }

  /** True if the answer that is waited for does not come any more. */
  isOverdue(now: u64): bool {
    return this.deadline !== 0 && now > this.deadline;
  }

  /** Sends a call without a body. False if the host does not take it. */
  send(settings: Settings, method: Ascii, path: Writer, timeout: u64): bool {
    return this.sendBody(settings, method, path, null, null, null, timeout);
  }

  /** Sends a call, with a body of this type if there is one, and with a name for its sender. @param timeout in milliseconds */
  sendBody(
    settings: Settings,
    method: Ascii,
    path: Writer,
    body: Writer | null,
    type: Ascii | null,
    agent: Writer | null,
    timeout: u64,
  ): bool {
    pairs
      .clear()
      .addAscii(METHOD, method)
      .add(PATH, path.start, path.length)
      .addAscii(AUTHORITY, settings.feedAuthority);
    if (type !== null) pairs.addAscii(CONTENT_TYPE, type);
    if (agent !== null) pairs.add(USER_AGENT, agent.start, agent.length);
    const headers = pairs.finish();
    if (path.isFull || headers === null) return false;
    const now = abi.readMonotonicClock();
    const sent = env.proxy_http_call(
      settings.feedCluster.start,
      settings.feedCluster.length,
      headers.start,
      headers.length,
      body === null ? 0 : body.start,
      body === null ? 0 : body.length,
      0,
      0,
      <u32>timeout,
      abi.OUT_NUMBER,
    );
    if (sent !== abi.OK) return false;
    this.id = abi.outNumber();
    this.deadline = now + timeout * MILLISECOND + GRACE;
    return true;
  }

  /** Takes an answer. False if it is not the one that is waited for. */
  take(id: u32): bool {
    if (this.deadline === 0 || id !== this.id) return false;
    this.deadline = 0;
    return true;
  }

  /** Waits no more. */
  forget(): void {
    this.deadline = 0;
  }
}

/** The status of the answer that the callback is for; 0 if it can't be read. */
export function readStatus(): i32 {
  const found = env.proxy_get_header_map_value(
    abi.ANSWER_HEADERS,
    STATUS.start,
    STATUS.length,
    abi.OUT_BYTES,
    abi.OUT_LENGTH,
  );
  if (found !== abi.OK || abi.outLength() !== 3) return 0;
  let status = 0;
  for (let at: usize = 0; at < 3; at++) status = status * 10 + (<i32>load<u8>(abi.outBytes() + at) - 0x30);
  return status;
}

/** When to try again: later each time, with jitter so that gates don't come back all at once. */
export class Backoff {
  /** By the monotonic clock. */
  retryAt: u64 = 0;
  private pause: u64 = FIRST_PAUSE;

  /** Notes a failure. */
  lengthen(): void {
    abi.drawRandom(DRAWN, 4);
    const jitter = ((this.pause / 2) * <u64>(load<u32>(DRAWN) & 0xff)) / 256;
    this.retryAt = abi.readMonotonicClock() + this.pause / 2 + jitter;
    this.pause = min(this.pause * 2, LONGEST_PAUSE);
  }

  /** Notes a success. */
  reset(): void {
    this.pause = FIRST_PAUSE;
  }
}
