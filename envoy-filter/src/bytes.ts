// Texts as bytes, made once at start, and a writer that fills a fixed piece of memory.

/** ASCII that the host is given: its place and length. Made at start and kept. */
export class Ascii {
  readonly start: usize;
  readonly length: i32;

  constructor(text: string) {
    this.length = text.length;
    this.start = heap.alloc(<usize>max(text.length, 1));
    for (let at = 0; at < text.length; at++) store<u8>(this.start + <usize>at, <u8>text.charCodeAt(at));
  }

  /** True if these bytes are the same. */
  equals(start: usize, length: i32): bool {
    return length === this.length && memory.compare(start, this.start, <usize>length) === 0;
  }
}

/** Writes bytes one behind the other into memory of a fixed size. What does not fit is left out, and `isFull` says so. */
export class Writer {
  readonly start: usize;
  readonly size: i32;
  length: i32 = 0;
  isFull: bool = false;

  constructor(size: i32) {
    this.start = heap.alloc(<usize>size);
    this.size = size;
  }

  clear(): Writer {
    this.length = 0;
    this.isFull = false;
    return this;
  }

  bytes(start: usize, length: i32): Writer {
    if (this.length + length > this.size) {
      this.isFull = true;
      return this;
    }
    memory.copy(this.start + <usize>this.length, start, <usize>length);
    this.length += length;
    return this;
  }

  ascii(text: Ascii): Writer {
    return this.bytes(text.start, text.length);
  }

  code(code: i32): Writer {
    if (this.length >= this.size) {
      this.isFull = true;
      return this;
    }
    store<u8>(this.start + <usize>this.length, <u8>code);
    this.length++;
    return this;
  }

  decimal(value: u64): Writer {
    if (value > 9) this.decimal(value / 10);
    return this.code(0x30 + <i32>(value % 10));
  }

  hex(start: usize, length: i32): Writer {
    for (let at = 0; at < length; at++) {
      const byte: i32 = load<u8>(start + <usize>at);
      this.hexDigit(byte >> 4);
      this.hexDigit(byte & 0xf);
    }
    return this;
  }

  /** Escapes everything but letters, digits, `-`, `.`, `_`, `~` (RFC 3986 2.3). */
  percentEncoded(start: usize, length: i32): Writer {
    for (let at = 0; at < length; at++) {
      const code: i32 = load<u8>(start + <usize>at);
      const letter = code | 0x20;
      const isPlain =
        (letter >= 0x61 && letter <= 0x7a) ||
        (code >= 0x30 && code <= 0x39) ||
        code === 0x2d ||
        code === 0x2e ||
        code === 0x5f ||
        code === 0x7e;
      if (isPlain) this.code(code);
      else this.code(0x25).hex(start + <usize>at, 1);
    }
    return this;
  }

  u32(value: u32): Writer {
    if (this.length + 4 > this.size) {
      this.isFull = true;
      return this;
    }
    store<u32>(this.start + <usize>this.length, value);
    this.length += 4;
    return this;
  }

  private hexDigit(value: i32): void {
    this.code(value < 10 ? 0x30 + value : 0x57 + value);
  }
}

/** Writes header pairs as the ABI has them: u32 count, two u32 lengths for each, then texts with a NUL behind each. */
export class PairsWriter {
  private readonly texts: Writer = new Writer(4096);
  private readonly out: Writer = new Writer(4096 + 16 * 8);
  private readonly lengths: StaticArray<i32> = new StaticArray<i32>(16);
  private count: i32 = 0;

  clear(): PairsWriter {
    this.texts.clear();
    this.count = 0;
    return this;
  }

  add(name: Ascii, value: usize, length: i32): PairsWriter {
    this.lengths[this.count * 2] = name.length;
    this.lengths[this.count * 2 + 1] = length;
    this.count++;
    this.texts.ascii(name).code(0).bytes(value, length).code(0);
    return this;
  }

  addAscii(name: Ascii, value: Ascii): PairsWriter {
    return this.add(name, value.start, value.length);
  }

  /** What was written; null if it did not fit. */
  finish(): Writer | null {
    const out = this.out.clear().u32(<u32>this.count);
    for (let at = 0; at < this.count * 2; at++) out.u32(<u32>this.lengths[at]);
    out.bytes(this.texts.start, this.texts.length);
    return this.texts.isFull || out.isFull ? null : out;
  }
}
