import type { Answer } from "../../test/support/client.ts";
import type { Admissions, Reader } from "./reader.ts";

export type SlotState = "Absent" | "Pending" | "Approved" | "Rejected" | "Deleting";

/** One private endpoint, as the writer that alone drives it knows it from the answers. */
export interface Slot {
  readonly account: Book;
  readonly name: string;
  state: SlotState;
  links: number[];
  /** URL of the operation that runs on it, as far as its writer has heard. */
  operation: string | undefined;
}

/** An account as the ledger knows it. */
export interface Book {
  readonly name: string;
  exists: boolean;
  publicAccess: "Enabled" | "Disabled";
  readonly slots: Set<Slot>;
  /** What the gates must have been told; kept only for an account with a single writer. */
  told: { version: number; record: string | undefined } | undefined;
}

/** A soak found something that must not be; the seed does the same again. */
export class Objections {
  readonly list: string[] = [];
  readonly add = (text: string): void => {
    if (this.list.length < 50) this.list.push(text);
  };
}

/**
 * What the answers have promised: who holds which link, how many connections an account has, which proxies NRP is to be
 * told of. Something is firm from the answer that grants it until the request that gives it up is sent.
 */
export class Ledger {
  readonly maxConnections: number;
  readonly admissions: Admissions;
  readonly object: (text: string) => void;
  readonly #holders = new Map<number, Slot>();
  readonly #firm = new Map<Book, number>();
  /** Names of proxies whose account's deletion has been asked for, and that NRP has to hear of. */
  readonly toTell = new Set<string>();
  /** Those that NRP has heard of. */
  readonly told: ReadonlyMap<string, string>;
  /** Every change of state that was answered, by the name of the endpoint, in order. */
  readonly changes = new Map<string, string[]>();
  readonly counts: Record<string, number> = {};

  constructor(options: Pick<Ledger, "maxConnections" | "admissions" | "told" | "object">) {
    this.maxConnections = options.maxConnections;
    this.admissions = options.admissions;
    this.told = options.told;
    this.object = options.object;
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** A slot changes its state by an answer. */
  change(slot: Slot, to: SlotState): void {
    const name = (state: SlotState): string => (state === "Deleting" ? "Disconnected" : state);
    this.changes.set(slot.name, [...(this.changes.get(slot.name) ?? []), `${name(slot.state)}>${name(to)}`]);
    slot.state = to;
  }

  /** How many connections an account has for sure. */
  countFirm(book: Book): number {
    return this.#firm.get(book) ?? 0;
  }

  /** A connection has been granted. */
  open(slot: Slot): void {
    const count = this.countFirm(slot.account) + 1;
    this.#firm.set(slot.account, count);
    slot.account.slots.add(slot);
    if (count > this.maxConnections) this.object(`${slot.account.name} was granted ${count} connections`);
  }

  /** Its deletion is about to be asked for. */
  close(slot: Slot): void {
    this.#firm.set(slot.account, this.countFirm(slot.account) - 1);
    this.giveUp(slot, slot.links);
  }

  /** Links have been granted. */
  hold(slot: Slot, links: readonly number[]): void {
    for (const link of links) {
      const other = this.#holders.get(link);
      if (other !== undefined && other !== slot) {
        this.object(`link ${link} was granted to ${slot.name}, and ${other.name} has it`);
      }
      this.#holders.set(link, slot);
    }
  }

  /** Links are about to be given up. */
  giveUp(slot: Slot, links: readonly number[]): void {
    for (const link of links) if (this.#holders.get(link) === slot) this.#holders.delete(link);
  }

  /** What the gates have to be told of an account changes with this answer, if at all. */
  tell(book: Book): void {
    if (book.told === undefined) return;
    const links = [...book.slots].filter(slot => slot.state === "Approved").flatMap(slot => slot.links);
    const ids = [...new Set(links)].sort((a, b) => a - b).join(",");
    const record = book.exists ? `${book.publicAccess.toLowerCase()}\t${ids}` : undefined;
    if (record === book.told.record) return;
    book.told = { version: book.told.version + 1, record };
  }

  /** Feed invariant I1: an operation that took the links away has ended, so no gate admits by them any more. */
  assertRevoked(account: string, links: readonly number[], what: string): void {
    for (const link of links) {
      if (this.admissions.includes(link, account))
        this.object(`${what} has ended, and a gate admits link ${link} to ${account}`);
    }
  }
}

/** Compares a private account in the table of a reader with the ledger; a reader that has died says nothing. */
export async function assertSeen(reader: Reader, book: Book): Promise<string | undefined> {
  const { told } = book;
  if (told === undefined || told.record === undefined) return undefined;
  if (!(await reader.hasSeen(book.name, told.version))) return undefined;
  const entry = reader.table?.get(book.name);
  if (entry === undefined || (entry.version === told.version && entry.record === told.record)) return undefined;
  return `a gate has ${book.name} as ${JSON.stringify(entry)}, and the answers say ${JSON.stringify(told)}`;
}

/** The text of an answer for an objection. */
export const describe = (answer: Answer): string => `${answer.status} ${answer.text.slice(0, 300)}`;
