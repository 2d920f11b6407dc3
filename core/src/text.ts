/**
 * Text as its host holds it. A JavaScript string is a `Text` as it stands; the wasm filter shows a stretch of its own
 * memory as one (`glue/wasm/span.ts`). Core asks for nothing more, so reading a request copies and allocates nothing.
 * (An abstract class rather than an interface because asc knows no `import type`: this import stays true at run time.)
 * Prefer `startsWith` and `indexOf` to a loop: QuickJS runs them in C, and a loop costs it 0.2 us a character.
 */
export abstract class Text {
  /** Number of codes; in wasm bytes, in JavaScript UTF-16 units. Beyond ASCII the two differ, so core admits only ASCII. */
  length: i32 = 0;
  abstract charCodeAt(at: i32): i32;
  abstract startsWith(word: string, at: i32): bool;
  /** The first place of `part` at or after `from`, or -1. */
  abstract indexOf(part: Text, from: i32): i32;
}

/** Where core writes text: a string that grows in JavaScript, a fixed stretch of memory in wasm. */
export abstract class TextSink {
  abstract get text(): Text;
  abstract clear(): void;
  abstract putCode(code: i32): void;
  abstract putDecimal(value: u32): void;
  abstract putWord(word: string): void;
  /** Appends the codes `[from, to)` of `text`. */
  abstract putPart(text: Text, from: i32, to: i32): void;
  /** Appends `a.b.c.d:part`. One call, because QuickJS takes longer for calls than for what they do. */
  putDottedWith(a: i32, b: i32, c: i32, d: i32, part: Text): void {
    this.putDotted(a, b, c, d);
    this.putCode(COLON);
    this.putPart(part, 0, part.length);
  }
  /** Appends `a.b.c.d`. */
  putDotted(a: i32, b: i32, c: i32, d: i32): void {
    this.putDecimal(a >>> 0);
    this.putCode(DOT);
    this.putDecimal(b >>> 0);
    this.putCode(DOT);
    this.putDecimal(c >>> 0);
    this.putCode(DOT);
    this.putDecimal(d >>> 0);
  }
}

export const TAB: i32 = 0x09;
export const LF: i32 = 0x0a;
export const PLUS: i32 = 0x2b;
export const COMMA: i32 = 0x2c;
export const HYPHEN: i32 = 0x2d;
export const DOT: i32 = 0x2e;
export const ZERO: i32 = 0x30;
export const NINE: i32 = 0x39;
export const COLON: i32 = 0x3a;
export const EQUALS: i32 = 0x3d;
export const QUESTION: i32 = 0x3f;

/** True if the text is exactly `word`. */
export function equals(text: Text, word: string): bool {
  return text.length === word.length && text.startsWith(word, 0);
}

/** True for `0-9`. */
export function isDigit(code: i32): bool {
  return code >= ZERO && code <= NINE;
}

/** True for `a-z` and `0-9`. */
export function isAlphanumeric(code: i32): bool {
  return (code >= 0x61 && code <= 0x7a) || isDigit(code);
}

/** The value of a hexadecimal digit of either case, or -1. */
export function hexDigit(code: i32): i32 {
  if (isDigit(code)) return code - ZERO;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** The first place of `code` in `[from, to)`, or `to`. */
export function indexOfCode(text: Text, code: i32, from: i32, to: i32): i32 {
  let at = from;
  while (at < to && text.charCodeAt(at) !== code) at++;
  return at;
}
