import { randomBytes } from "node:crypto";
import {
  LINE_DONE,
  LINE_MALFORMED,
  LINE_MORE,
  LINE_UPSERT,
  Line,
  readLine,
  readStartOver,
  START_OVER_DROP,
} from "@linkgate/core";
import { type Dispatcher, request } from "undici";

/** What a gate has of an account. */
export interface Entry {
  readonly version: number;
  /** `enabled<TAB>ids`; undefined for a removal. */
  readonly record: string | undefined;
}

/**
 * By which links the gates of a run admit to which accounts, all together. Feed invariant I2: whatever a gate believes at
 * whatever moment, no link leads to two accounts.
 */
export class Admissions {
  readonly #accounts = new Map<string, Map<string, number>>();
  readonly #object: (text: string) => void;

  constructor(object: (text: string) => void) {
    this.#object = object;
  }

  admit(link: string, account: string): void {
    const accounts = this.#accounts.get(link) ?? new Map<string, number>();
    this.#accounts.set(link, accounts);
    accounts.set(account, (accounts.get(account) ?? 0) + 1);
    if (accounts.size > 1) this.#object(`gates admit link ${link} to ${[...accounts.keys()].join(" and ")}`);
  }

  dismiss(link: string, account: string): void {
    const accounts = this.#accounts.get(link);
    const count = accounts?.get(account) ?? 0;
    if (count > 1) accounts?.set(account, count - 1);
    else accounts?.delete(account);
    if (accounts?.size === 0) this.#accounts.delete(link);
  }

  /** Whether any gate admits by the link to the account. */
  includes(link: number, account: string): boolean {
    return this.#accounts.get(String(link))?.has(account) === true;
  }
}

export interface ReaderOptions {
  readonly url: string;
  readonly token: string;
  readonly dispatcher: Dispatcher;
  readonly admissions: Admissions;
  readonly object: (text: string) => void;
}

type Table = Map<string, Entry>;

/** Seconds that a table lives without news, and that a poll is held back. */
const MAX_AGE = 6;
const WAIT = 2;

const linksOf = (record: string | undefined): string[] => {
  const ids = record?.split("\t")[1] ?? "";
  return ids === "" ? [] : ids.split(",");
};

/** A gate that keeps the feed rules 10 to 22, with its table in memory; each poll may reach another replica. */
export class Reader {
  #table: Table = new Map();
  #aside: Table | undefined;
  #incarnation = randomBytes(16).toString("hex");
  #cursor = "";
  #isLoaded = false;
  /** A page with more to come was applied. */
  #isInside = false;
  #sweepSentAt = 0;
  #expiry: NodeJS.Timeout | undefined;
  readonly #options: ReaderOptions;
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;
  #looks = new Set<() => void>();
  readonly counts = { sweeps: 0, changes: 0, reloads: 0, drops: 0, lost: 0 };

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#running = this.#follow();
  }

  /** The table in force; undefined while there is none. */
  get table(): ReadonlyMap<string, Entry> | undefined {
    return this.#isLoaded ? this.#table : undefined;
  }

  /** Resolves to true when the reader has that version of an account or a later one; to false when it has ended before. */
  async hasSeen(account: string, version: number): Promise<boolean> {
    const looks = (): boolean => (this.#table.get(account)?.version ?? -1) >= version;
    while (!this.#ended.signal.aborted) {
      if (looks()) return true;
      await this.nextSweep();
    }
    return false;
  }

  /** Resolves after the next whole sweep has been applied, or when the reader has ended. */
  nextSweep(): Promise<void> {
    return new Promise(resolve => {
      if (this.#ended.signal.aborted) resolve();
      else this.#looks.add(resolve);
    });
  }

  /** As a power cut would: it admits nobody from now on, and tells nobody. */
  async die(): Promise<void> {
    this.#ended.abort();
    this.#drop();
    this.#wake();
    await this.#running;
  }

  /** Stops admitting, then says goodbye (feed rule 22). */
  async leave(): Promise<void> {
    await this.die();
    while ((await this.#ask({ bye: "1" }).catch(() => ({ status: 503 }))).status === 503) {}
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const shown = this.#cursor;
      if (!this.#isInside) this.#sweepSentAt = performance.now();
      try {
        const { status, text } = await this.#ask({ wait: String(WAIT), maxAge: String(MAX_AGE), limit: "40" }, signal);
        if (shown !== this.#cursor) continue; // the table it was for has gone meanwhile
        if (status === 200) this.#apply(text);
        else if (status === 410) this.#startOver(text);
        else if (status !== 503) this.#options.object(`the feed answered ${status}: ${text}`);
      } catch {
        if (!signal.aborted) this.counts.lost += 1; // the replica died over it; the same poll goes to another
      }
    }
  }

  async #ask(query: Record<string, string>, signal?: AbortSignal): Promise<{ status: number; text: string }> {
    const { url, token, dispatcher } = this.#options;
    const search = new URLSearchParams({
      gate: "soak",
      incarnation: this.#incarnation,
      cursor: this.#cursor,
      ...query,
    });
    const answer = await request(`${url}/gate/v1/changes?${search}`, {
      headers: { authorization: `Bearer ${token}` },
      dispatcher,
      reset: true,
      ...(signal === undefined ? {} : { signal }),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  }

  /** A page is applied as a whole or not at all; a load is built aside while the old table decides (feed rule 21). */
  #apply(page: string): void {
    if (this.#ended.signal.aborted) return;
    const { changes, cursor, isDone } = readPage(page);
    const isLoad = !this.#isLoaded || this.#aside !== undefined;
    if (isLoad) this.#aside ??= new Map();
    for (const { account, ...entry } of changes) this.#put(this.#aside ?? this.#table, account, entry);
    this.#cursor = cursor;
    this.#isInside = !isDone;
    if (!isDone) return;
    if (this.#aside !== undefined) this.#swap(this.#aside);
    this.#isLoaded = true;
    this.counts.sweeps += 1;
    this.counts.changes += changes.length;
    this.#live();
    this.#wake();
  }

  #put(table: Table, account: string, entry: Entry): void {
    const old = table.get(account);
    if (old !== undefined && entry.version < old.version) {
      this.#options.object(`${account} went back from version ${old.version} to ${entry.version}`);
    }
    if (old?.version === entry.version && old.record !== entry.record) {
      this.#options.object(`${account} says two things at version ${entry.version}: ${old.record}, ${entry.record}`);
    }
    if (table === this.#table) this.#replace(account, old?.record, entry.record);
    table.set(account, entry);
  }

  #replace(account: string, before: string | undefined, after: string | undefined): void {
    const kept = new Set(linksOf(after));
    for (const link of linksOf(before)) if (!kept.has(link)) this.#options.admissions.dismiss(link, account);
    const known = new Set(linksOf(before));
    for (const link of kept) if (!known.has(link)) this.#options.admissions.admit(link, account);
  }

  #swap(next: Table): void {
    this.#dismissAll();
    this.#table = next;
    this.#aside = undefined;
    for (const [account, { record }] of next) this.#replace(account, undefined, record);
  }

  /** Start over (410): `drop`, this incarnation is over and so is its table; `keep`, the table serves meanwhile. */
  #startOver(text: string): void {
    this.#cursor = "";
    this.#isInside = false;
    if (readStartOver(text) === START_OVER_DROP) {
      this.counts.drops += 1;
      this.#drop();
      this.#incarnation = randomBytes(16).toString("hex");
      return;
    }
    this.counts.reloads += 1;
    this.#aside = new Map();
  }

  /** The table lives from when the first poll of its last whole sweep was sent (feed rule 15). */
  #live(): void {
    clearTimeout(this.#expiry);
    const left = this.#sweepSentAt + MAX_AGE * 1000 - performance.now();
    this.#expiry = setTimeout(() => this.#drop(), Math.max(1, left));
  }

  /** Admits nobody any more; the next load begins from nothing. */
  #drop(): void {
    clearTimeout(this.#expiry);
    this.#dismissAll();
    this.#table = new Map();
    this.#aside = undefined;
    this.#isLoaded = false;
    this.#isInside = false;
    this.#cursor = "";
  }

  #dismissAll(): void {
    for (const [account, { record }] of this.#table) this.#replace(account, record, undefined);
  }

  #wake(): void {
    const looks = this.#looks;
    this.#looks = new Set();
    for (const look of looks) look();
  }
}

interface Page {
  readonly changes: readonly (Entry & { readonly account: string })[];
  readonly cursor: string;
  readonly isDone: boolean;
}

/** Reads a page with core's reader of lines. */
function readPage(page: string): Page {
  const changes: (Entry & { account: string })[] = [];
  const line = new Line();
  for (let from = 0; from < page.length; ) {
    const end = page.indexOf("\n", from);
    const kind = readLine(page, from, end, line);
    if (kind === LINE_MALFORMED) throw new Error(`malformed line: ${JSON.stringify(page.slice(from, end))}`);
    const account = page.slice(line.nameStart, line.nameEnd);
    if (kind === LINE_MORE || kind === LINE_DONE) return { changes, cursor: account, isDone: kind === LINE_DONE };
    const version = Number(page.slice(line.versionStart, line.versionEnd));
    changes.push({
      account,
      version,
      record: kind === LINE_UPSERT ? page.slice(line.recordStart, line.end) : undefined,
    });
    from = end + 1;
  }
  throw new Error("a page without its last line");
}
