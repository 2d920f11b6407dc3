import { randomBytes } from "node:crypto";
import { fetch } from "undici";

/** What the gates are told of an account. */
export interface GateRecord {
  readonly publicAccess: string;
  readonly linkIds: number[];
}

/** A gate played over HTTP: it follows the feed as `design.md` section 4 says, one sweep at a time, when it is told to. */
export class TestGate {
  readonly table = new Map<string, GateRecord>();
  readonly incarnation: string;
  readonly #feedUrl: () => string;
  readonly #name: string;
  readonly #token: string;
  readonly #maxAge: number;
  #cursor = "";

  constructor(
    feedUrl: () => string,
    name: string,
    token: string,
    maxAge: number,
    incarnation = randomBytes(16).toString("hex"),
  ) {
    this.incarnation = incarnation;
    this.#feedUrl = feedUrl;
    this.#name = name;
    this.#token = token;
    this.#maxAge = maxAge;
  }

  /**
   * One whole sweep. It acknowledges the sweep before, and puts into force what has changed since.
   *
   * @param wait seconds to be held back while there is nothing new
   */
  async sweep(wait = 0): Promise<void> {
    for (let more = true; more; ) {
      const text = await this.#poll({ wait: String(wait) });
      for (const line of text.trimEnd().split("\n")) {
        if (line.startsWith("=")) more = this.#readEnd(line);
        else this.#apply(line);
      }
    }
  }

  /** Puts into force what has changed, and tells so. */
  async catchUp(): Promise<void> {
    await this.sweep();
    await this.sweep();
  }

  /** The process is gone: it holds nothing up any more. */
  async sayGoodbye(): Promise<void> {
    await this.#poll({ bye: "1" });
  }

  #readEnd(line: string): boolean {
    const [cursor = "", state] = line.slice(1).split("\t");
    this.#cursor = cursor;
    return state === "more";
  }

  #apply(line: string): void {
    const [account = "", , publicAccess = "", ids = ""] = line.slice(1).split("\t");
    if (line.startsWith("-")) this.table.delete(account);
    else this.table.set(account, { publicAccess, linkIds: ids === "" ? [] : ids.split(",").map(Number) });
  }

  async #poll(extra: Record<string, string>): Promise<string> {
    const query = new URLSearchParams({
      gate: this.#name,
      incarnation: this.incarnation,
      cursor: this.#cursor,
      maxAge: String(this.#maxAge),
      ...extra,
    });
    const answer = await fetch(`${this.#feedUrl()}/gate/v1/changes?${query}`, {
      headers: { authorization: `Bearer ${this.#token}` },
    });
    if (!answer.ok) throw new Error(`the feed answered ${answer.status}: ${await answer.text()}`);
    return await answer.text();
  }
}
