import { TextSink } from "../../text.ts";

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
}
