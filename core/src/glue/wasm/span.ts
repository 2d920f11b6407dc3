import { Text, TextSink } from "../../text.ts";

/** A stretch of linear memory, read as text, one byte a character. Made at start-up, pointed at bytes request by request. */
export class Span extends Text {
  start: usize = 0;

  at(start: usize, length: i32): Span {
    this.start = start;
    this.length = length;
    return this;
  }

  charCodeAt(at: i32): i32 {
    return <i32>load<u8>(this.start + <usize>at);
  }

  startsWith(word: string, at: i32): bool {
    if (at < 0 || at + word.length > this.length) return false;
    for (let i = 0; i < word.length; i++) {
      if (this.charCodeAt(at + i) !== word.charCodeAt(i)) return false;
    }
    return true;
  }

  indexOf(part: Text, from: i32): i32 {
    const length = part.length;
    for (let at = from; at + length <= this.length; at++) {
      let i = 0;
      while (i < length && this.charCodeAt(at + i) === part.charCodeAt(i)) i++;
      if (i === length) return at;
    }
    return -1;
  }

  /** Folds the bytes themselves to ASCII lower case: the filter owns the memory that the host wrote to. */
  toLowerCase(): Span {
    for (let at = 0; at < this.length; at++) {
      const code = this.charCodeAt(at);
      if (code >= 0x41 && code <= 0x5a) store<u8>(this.start + <usize>at, <u8>(code | 0x20));
    }
    return this;
  }
}

/** A stretch of linear memory that core writes text to. Its owner sees to it that the longest text fits. */
export class SpanSink extends TextSink {
  span: Span = new Span();
  get text(): Text {
    return this.span;
  }

  constructor(start: usize) {
    super();
    this.span.start = start;
  }

  clear(): void {
    this.span.length = 0;
  }

  putCode(code: i32): void {
    store<u8>(this.span.start + <usize>this.span.length, <u8>code);
    this.span.length++;
  }

  putDecimal(value: u32): void {
    if (value > 9) this.putDecimal(value / 10);
    this.putCode(0x30 + <i32>(value % 10));
  }

  putWord(word: string): void {
    for (let at = 0; at < word.length; at++) this.putCode(word.charCodeAt(at));
  }

  putPart(text: Text, from: i32, to: i32): void {
    for (let at = from; at < to; at++) this.putCode(text.charCodeAt(at));
  }
}
