import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import type { OpenDatabase } from "../../src/database/open.ts";
import { gateNames, tokenOf } from "../feed/kit.ts";

/** One line of a batch. */
export interface Line {
  readonly account?: string;
  readonly reason?: string;
  readonly link?: number;
  readonly requests?: number;
  readonly bytes?: number;
}

/** A gate that tells of requests as it is told to. */
export class ReporterDouble {
  readonly name: string;
  readonly incarnation: string;
  readonly #url: () => string;
  readonly #token: string;
  sequence = 0;

  constructor(
    url: string | (() => string),
    { name = gateNames[0], incarnation = randomBytes(16).toString("hex"), token = tokenOf(name) } = {} as {
      name?: string;
      incarnation?: string;
      token?: string;
    },
  ) {
    this.#url = typeof url === "string" ? () => url : url;
    this.name = name;
    this.incarnation = incarnation;
    this.#token = token;
  }

  /** A report as it goes over the wire. */
  send(body: string | Uint8Array, query: Record<string, string | number> = {}, headers: Record<string, string> = {}) {
    const search = new URLSearchParams({ gate: this.name, incarnation: this.incarnation, reporter: "0", age: "0" });
    for (const [name, value] of Object.entries({ sequence: this.sequence, ...query })) search.set(name, String(value));
    return fetch(`${this.#url()}/gate/v1/reports?${search}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${this.#token}`,
        "content-type": "text/plain; charset=us-ascii",
        "user-agent": "linkgate-test/1.0",
        ...headers,
      },
      body,
    });
  }

  /** Tells of something new. @returns the status */
  async tell(lines: readonly Line[], query: Record<string, string | number> = {}): Promise<number> {
    this.sequence += 1;
    const response = await this.send(writeLines(lines), query);
    await response.arrayBuffer();
    return response.status;
  }
}

export const writeLines = (lines: readonly Line[]): string =>
  lines
    .map(({ account = "", reason = "public", link = "", requests = 1, bytes = 10 }) =>
      [account, reason, link, requests, bytes].join("\t"),
    )
    .map(line => `${line}\n`)
    .join("");

/** What is counted of one step, without its times: `account reason origin requests bytes`; `-` for what is no account. */
export async function listCounts(db: OpenDatabase["db"], step: "minute" | "hour" = "minute"): Promise<string[]> {
  const { rows } = await sql<{ line: string }>`
    select concat_ws(' ', case when k.life = 0 then '-' else coalesce(a.account, 'gone') end, reason,
      nullif(concat_ws(':', origin, nullif(name_key, '')), ''), sum(requests), sum(bytes)) as line
    from counts k left join accounts a on a.life = k.life where step = ${step}
    group by k.life, a.account, reason, origin, name_key`.execute(db);
  return rows.map(({ line }) => line).toSorted();
}
