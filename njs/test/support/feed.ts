import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { PATIENCE_MS, until } from "./until.ts";

/** A poll that the feed heard. */
export type HeardPoll = {
  gate: string;
  incarnation: string;
  cursor: string;
  maxAge: number;
  wait: number;
  limit: number;
  isGoodbye: boolean;
  /** The bearer token that came with it. */
  token: string;
  /** `Date.now()` when it came. */
  at: number;
};

/** A report of what a gate counted, as the feed heard it. */
export type HeardReport = {
  gate: string;
  incarnation: string;
  reporter: string;
  sequence: number;
  /** Seconds. */
  age: number;
  userAgent: string;
  token: string;
  body: string;
};

/** What an account's line says: `enabled<TAB>ids`, `disabled<TAB>ids`, or null once it was removed. */
type Row = { record: string | null; version: number; change: number };

type Answerer = (poll: HeardPoll, answer: ServerResponse) => void;

/**
 * A feed that obeys the wire (design 4) as far as a gate can see, and disobeys when told to. Cursors name the last change
 * that a gate has seen; what is told to one is remembered, so that an unknown one gets "start over".
 */
export class TestFeed {
  readonly token = "test-token";
  /** Who is heard: two while a token is rotated. */
  readonly tokens = new Set<string>([this.token]);
  readonly polls: HeardPoll[] = [];
  readonly reports: HeardReport[] = [];
  /** What a report is answered with; no answer is ever a part of the feed. */
  reportStatus = 204;
  url = "";
  /** Lines a page, below what gates ask for. */
  pageLimit = 2000;
  /** Answers instead of the feed, as long as it is set. */
  misbehave: Answerer | null = null;
  /** Told of each poll as it comes, before it is answered. */
  onPoll: ((poll: HeardPoll) => void) | null = null;

  readonly #server: Server;
  readonly #rows = new Map<string, Row>();
  readonly #cursors = new Map<string, { after: number; upTo: number; at: string }>();
  readonly #waiting = new Set<() => void>();
  readonly #hung = new Set<ServerResponse>();
  #change = 0;
  #isQuiet = false;

  private constructor(tls?: { cert: string; key: string }) {
    const hear = (request: IncomingMessage, answer: ServerResponse) => this.#hear(request, answer);
    this.#server = tls === undefined ? createServer(hear) : createSecureServer(tls, hear);
  }

  /** Starts one; with a certificate, of `localhost`, it speaks https. */
  static async start(tls?: { cert: string; key: string }): Promise<TestFeed> {
    const feed = new TestFeed(tls);
    await new Promise<void>(resolve => feed.#server.listen(0, "127.0.0.1", resolve));
    const { port } = feed.#server.address() as AddressInfo;
    feed.url = tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
    return feed;
  }

  async stop(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve)); // first, or a connection could still come in between
    this.#server.closeAllConnections();
    await closed;
  }

  /** Says what an account is from now on: `set("contoso", "enabled", [17])`. */
  set(account: string, access: "enabled" | "disabled", linkIds: readonly number[] = []): void {
    const sorted = [...linkIds].sort((a, b) => a - b);
    this.#write(account, `${access}\t${sorted.join(",")}`);
  }

  remove(account: string): void {
    this.#write(account, null);
  }

  /** Replaces the whole registry by entries of the table's own form (`enabled<TAB>17<TAB>3`), and forgets every cursor. */
  replaceAll(entries: Iterable<readonly [account: string, entry: string]>): void {
    this.#rows.clear();
    this.#change++;
    for (const [account, entry] of entries) {
      const [access = "", ids = "", version = ""] = entry.split("\t");
      const record = access === "removed" ? null : `${access}\t${ids}`;
      this.#rows.set(account, { record, version: Number(version), change: this.#change });
      this.#versions.set(account, version);
    }
    this.forgetCursors();
  }

  /** Makes several changes that no poll can see apart. */
  together(change: () => void): void {
    this.#isQuiet = true;
    change();
    this.#isQuiet = false;
    this.wakeAll();
  }

  forgetCursors(): void {
    this.#cursors.clear();
    this.wakeAll();
  }

  /** Waits until a gate has acknowledged everything so far: a poll with a cursor between sweeps. @throws when none does */
  async acknowledged(deadlineMs = PATIENCE_MS): Promise<HeardPoll> {
    const change = this.#change;
    const from = this.polls.length;
    this.wakeAll();
    return until(
      () => this.polls.slice(from).find(poll => this.#acknowledges(poll, change)),
      () => `no gate acknowledged change ${change}; polls: ${JSON.stringify(this.polls.slice(-5))}`,
      deadlineMs,
    );
  }

  /** Waits for a poll that fits, of those that come from now on. @throws when none comes */
  async polled(fits: (poll: HeardPoll) => boolean = () => true, deadlineMs = PATIENCE_MS): Promise<HeardPoll> {
    const from = this.polls.length;
    return until(
      () => this.polls.slice(from).find(fits),
      () => `no such poll; the last: ${JSON.stringify(this.polls.slice(-5))}`,
      deadlineMs,
    );
  }

  /** The page that the feed would answer this poll with. */
  writePage(poll: HeardPoll): string {
    const from = poll.cursor === "" ? { after: 0, upTo: 0, at: "" } : this.#cursors.get(poll.cursor);
    if (from === undefined) throw new Error(`unknown cursor ${poll.cursor}`);
    const upTo = from.at === "" ? this.#change : from.upTo;
    const rows = [...this.#rows].filter(([account, row]) => row.change > from.after && account > from.at);
    rows.sort(([a], [b]) => (a < b ? -1 : 1));
    const page = rows.slice(0, Math.min(this.pageLimit, poll.limit));
    const isDone = page.length === rows.length;
    const lines = page.map(([account, row]) => {
      const version = this.#versions.get(account) ?? String(row.version);
      return row.record === null ? `-${account}\t${version}\n` : `+${account}\t${version}\t${row.record}\n`;
    });
    const cursor = isDone
      ? this.#handOut({ after: upTo, upTo, at: "" })
      : this.#handOut({ after: from.after, upTo, at: page.at(-1)?.[0] ?? "" });
    return `${lines.join("")}=${cursor}\t${isDone ? "done" : "more"}\n`;
  }

  /** Versions as they were given, when a test gave one that is no JavaScript number. */
  readonly #versions = new Map<string, string>();

  #write(account: string, record: string | null): void {
    const version = (this.#rows.get(account)?.version ?? 0) + 1;
    this.#versions.delete(account);
    this.#rows.set(account, { record, version, change: ++this.#change });
    this.wakeAll();
  }

  #handOut(cursor: { after: number; upTo: number; at: string }): string {
    const name = createHash("sha256").update(randomBytes(16)).digest("hex").slice(0, 32);
    this.#cursors.set(name, cursor);
    return name;
  }

  /** True for a poll that goes on within a sweep, whose last page is still to come. */
  isWithinSweep(poll: HeardPoll): boolean {
    const cursor = this.#cursors.get(poll.cursor);
    return cursor !== undefined && cursor.at !== "";
  }

  #acknowledges(poll: HeardPoll, change: number): boolean {
    const cursor = this.#cursors.get(poll.cursor);
    return cursor !== undefined && cursor.at === "" && cursor.after >= change;
  }

  #hear(request: IncomingMessage, answer: ServerResponse): void {
    const url = new URL(request.url ?? "", "http://feed");
    const query = (name: string) => url.searchParams.get(name) ?? "";
    if (url.pathname.endsWith("/gate/v1/reports")) {
      this.#hearReport(request, answer, query);
      return;
    }
    const poll: HeardPoll = {
      gate: query("gate"),
      incarnation: query("incarnation"),
      cursor: query("cursor"),
      maxAge: Number(query("maxAge")),
      wait: Number(query("wait")),
      limit: Number(query("limit")),
      isGoodbye: query("bye") === "1",
      token: readToken(request),
      at: Date.now(),
    };
    this.polls.push(poll);
    this.onPoll?.(poll);
    if (!this.tokens.has(poll.token)) send(answer, 401, "{}");
    else if (poll.isGoodbye) send(answer, 204, "");
    else if (this.misbehave !== null) this.misbehave(poll, answer);
    else this.answer(poll, answer);
  }

  #hearReport(request: IncomingMessage, answer: ServerResponse, query: (name: string) => string): void {
    const report = {
      gate: query("gate"),
      incarnation: query("incarnation"),
      reporter: query("reporter"),
      sequence: Number(query("sequence")),
      age: Number(query("age")),
      userAgent: request.headers["user-agent"] ?? "",
      token: readToken(request),
    };
    let body = "";
    request.setEncoding("latin1").on("data", text => {
      body += text;
    });
    request.on("end", () => {
      this.reports.push({ ...report, body });
      send(answer, this.tokens.has(report.token) ? this.reportStatus : 401, this.reportStatus === 204 ? "" : "{}");
    });
  }

  /** Answers as the wire wants it: at once if there is something to say, else when there is or when the wait is over. */
  answer(poll: HeardPoll, answer: ServerResponse): void {
    const cursor = this.#cursors.get(poll.cursor);
    const isUnknown = poll.cursor !== "" && cursor === undefined;
    const isQuiet = cursor !== undefined && cursor.at === "" && cursor.after >= this.#change;
    if (!isQuiet) {
      if (isUnknown) send(answer, 410, "!start-over\tkeep\n");
      else send(answer, 200, this.writePage(poll));
      return;
    }
    const end = () => {
      clearTimeout(timer);
      this.#waiting.delete(end);
      if (answer.destroyed) return;
      if (this.#cursors.has(poll.cursor)) send(answer, 200, this.writePage(poll));
      else send(answer, 410, "!start-over\tkeep\n");
    };
    const timer = setTimeout(end, poll.wait * 1000);
    this.#waiting.add(end);
    answer.once("close", () => {
      clearTimeout(timer);
      this.#waiting.delete(end);
    });
  }

  /** From now on answers nobody; connections stay open. */
  hang(): void {
    this.misbehave = (_, answer) => this.leave(answer);
    this.wakeAll();
  }

  /** Leaves this poll without an answer until {@link resume}. */
  leave(answer: ServerResponse): void {
    this.#hung.add(answer);
  }

  /** Behaves again. Polls that hung are answered 503. */
  resume(): void {
    this.misbehave = null;
    for (const answer of this.#hung) send(answer, 503, "{}");
    this.#hung.clear();
  }

  /** Ends every poll that waits, as the end of its time would. */
  wakeAll(): void {
    if (this.#isQuiet) return;
    for (const wake of [...this.#waiting]) wake();
  }
}

function readToken(request: IncomingMessage): string {
  return (request.headers.authorization ?? "").replace(/^Bearer /, "");
}

/** Sends an answer of the feed. */
export function send(answer: ServerResponse, status: number, body: string): void {
  const type = status === 200 || status === 410 ? "text/plain; charset=us-ascii" : "application/json";
  answer.writeHead(status, status === 204 ? {} : { "content-type": type }).end(body);
}
