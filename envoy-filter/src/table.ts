import { TABLE_CURRENT, TABLE_EXPIRED, TABLE_NONE, Table } from "../../core/src/decide.ts";
import { startOfLinkIds } from "../../core/src/entry.ts";
import { isNewer, Line, writeEntry } from "../../core/src/feed.ts";
import { Span, SpanSink } from "../../core/src/glue/wasm/span.ts";
import { Text } from "../../core/src/text.ts";
import * as abi from "./abi.ts";
import { CAS_NEW, readShared, replaceShared, SharedKey, TableState } from "./shared.ts";

// The entries: key "0" or "1" and the account (behind the number of the gate), value u32 generation and the entry as core writes
// it. Shared data forgets no key, so there are two sets of them, and a generation uses the one of its parity; what another
// generation left there is not there.

const LONGEST_ACCOUNT: i32 = 63;
const KEY_BEFORE_ACCOUNT: i32 = 9; // number of the gate, and parity
const KEY = new SharedKey(1 + LONGEST_ACCOUNT);

function writeKey(generation: u32, account: usize, length: i32): void {
  store<u8>(KEY.name, <u8>(0x30 + (generation & 1)));
  memory.copy(KEY.name + 1, account, <usize>length);
  KEY.length = KEY_BEFORE_ACCOUNT + length;
}

function readEntry(): bool {
  return readShared(KEY) && abi.outLength() >= 4;
}

/** The table as core's decision asks it. */
export class SharedTable extends Table {
  /** Where the host of the request lies: core names an account by its length. */
  host: usize = 0;
  private readonly state: TableState = new TableState();
  private readonly entry: Span = new Span();
  private generation: u32 = 0;

  /** Reads the age; the entry is read after it (feed rule 18). */
  readState(): i32 {
    if (!this.state.read() || this.state.generation === 0) return TABLE_NONE;
    this.generation = this.state.generation;
    return this.state.isExpired() ? TABLE_EXPIRED : TABLE_CURRENT;
  }

  findEntry(accountLength: i32): Text | null {
    if (accountLength > LONGEST_ACCOUNT) return null; // core asks for names that it has not checked
    writeKey(this.generation, this.host, accountLength);
    if (!readEntry() || load<u32>(abi.outBytes()) !== this.generation) return null;
    return this.entry.at(abi.outBytes() + 4, abi.outLength() - 4);
  }

  /** True if the table, be it expired, has the account. */
  hasAccount(accountLength: i32): bool {
    if (this.readState() === TABLE_NONE) return false;
    const entry = this.findEntry(accountLength);
    return entry !== null && startOfLinkIds(entry) > 0;
  }
}

/** How often a record is tried that somebody else keeps changing. */
const TRIES: i32 = 10;

/** Longest entry: `disabled`, ids, version; a record that is longer is refused with its page. */
const LONGEST_ENTRY: i32 = 1 << 20;

/** Writes the changes of a page to the records of one generation. */
export class TableWriter {
  private readonly held: Span = new Span();
  private readonly sink: SpanSink = new SpanSink(0);
  private value: usize = 0;
  private valueSize: i32 = 0;

  /**
   * Writes one change, unless the record is newer or of a newer generation (feed rules 19 and 20).
   * @returns false if it could not be written: the sweep has failed
   */
  apply(page: Span, line: Line, kind: i32, generation: u32): bool {
    const length = line.nameEnd - line.nameStart;
    if (length > LONGEST_ACCOUNT || line.end - line.nameStart > LONGEST_ENTRY) return false;
    this.reserve(line.end - line.nameStart + 32);
    store<u32>(this.value, generation);
    writeEntry(page, line, kind, this.sink);
    writeKey(generation, page.start + <usize>line.nameStart, length);
    for (let tries = 0; tries < TRIES; tries++) {
      let cas: u32 = CAS_NEW;
      if (readEntry()) {
        const held = load<u32>(abi.outBytes());
        if (held > generation) return false;
        const entry = this.held.at(abi.outBytes() + 4, abi.outLength() - 4);
        if (held === generation && !isNewer(page, line, entry)) return true;
        cas = abi.outNumber();
      }
      const size = 4 + this.sink.text.length;
      if (replaceShared(KEY, this.value, size, cas)) return true;
    }
    return false;
  }

  /** Sees to it that a value of this size fits. */
  private reserve(size: i32): void {
    if (size <= this.valueSize) return;
    if (this.value !== 0) heap.free(this.value);
    this.value = heap.alloc(<usize>size);
    this.valueSize = size;
    this.sink.span.start = this.value + 4;
  }
}
