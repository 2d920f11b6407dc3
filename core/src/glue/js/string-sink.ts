import type { TextSink } from "../../text.ts";

/** What 0 to 255 are in decimal: QuickJS takes a third of a microsecond to work one out. */
const OCTETS = Array.from({ length: 256 }, (_, octet) => String(octet));

/** The sink of the JavaScript hosts: a string that grows. */
export class StringSink implements TextSink {
  text = "";

  clear(): void {
    this.text = "";
  }
  putCode(code: number): void {
    this.text += String.fromCharCode(code);
  }
  putDecimal(value: number): void {
    this.text += value;
  }
  putWord(word: string): void {
    this.text += word;
  }
  putPart(text: string, from: number, to: number): void {
    this.text += text.slice(from, to);
  }
  putDottedWith(a: number, b: number, c: number, d: number, part: string): void {
    this.text += `${OCTETS[a]}.${OCTETS[b]}.${OCTETS[c]}.${OCTETS[d]}:${part}`;
  }
  putDotted(a: number, b: number, c: number, d: number): void {
    this.text += `${OCTETS[a]}.${OCTETS[b]}.${OCTETS[c]}.${OCTETS[d]}`;
  }
}
