import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import { type Dispatcher, request } from "undici";
import type { Random } from "../random.ts";

export interface ReporterOptions {
  readonly url: string;
  readonly token: string;
  readonly dispatcher: Dispatcher;
  readonly random: Random;
  /** Below 26: what it tells of has a reason of its own. */
  readonly number: number;
  /** Accounts that may be there. */
  readonly accounts: readonly string[];
  readonly object: (text: string) => void;
}

/** A gate that tells of requests, each batch until it is answered and now and then once more; each try may reach another replica. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #incarnation = randomBytes(16).toString("hex");
  readonly #reason: string;
  #sequence = 0;
  /** Requests to no account that were told of. */
  #told = 0;
  readonly counts = { batches: 0, "lost answers": 0 };

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#reason = `soak-${String.fromCharCode(97 + options.number)}`;
  }

  /** Until the signal aborts and the last batch has been answered, for which some replica has to stay. */
  async run(signal: AbortSignal): Promise<void> {
    const { random, accounts } = this.#options;
    while (!signal.aborted) {
      const requests = 1 + random.below(100);
      const others = accounts.filter(() => random.chance(0.5)).map(account => `${account}\tpublic\t\t1\t10\n`);
      const batch = `\t${this.#reason}\t\t${requests}\t0\n${others.join("")}`;
      this.#sequence += 1;
      await this.#tell(batch);
      this.#told += requests;
      this.counts.batches += 1;
      if (random.chance(0.2)) await this.#tell(batch);
      await pause(random.below(60));
    }
  }

  async #tell(batch: string): Promise<void> {
    const { url, token, dispatcher, object } = this.#options;
    const query = `gate=soak&incarnation=${this.#incarnation}&reporter=0&sequence=${this.#sequence}&age=0`;
    for (;;) {
      try {
        const { statusCode: status, body } = await request(`${url}/gate/v1/reports?${query}`, {
          ...{ method: "POST", dispatcher, reset: true, body: batch },
          headers: { authorization: `Bearer ${token}`, "content-type": "text/plain; charset=us-ascii" },
        });
        const text = await body.text();
        if (status === 204) return;
        if (status !== 503) return object(`a report was answered ${status}: ${text}`);
      } catch {
        // Its replica died over it. Whether it was taken nobody knows.
      }
      this.counts["lost answers"] += 1;
      await pause(50);
    }
  }

  /** Each batch must count, and once. */
  async compare(client: pg.ClientBase): Promise<void> {
    for (const step of ["minute", "hour"]) {
      const { rows } = await client.query(
        "select coalesce(sum(requests), 0)::int as requests from counts where step = $1 and reason = $2 and life = 0",
        [step, this.#reason],
      );
      if (rows[0].requests !== this.#told) {
        this.#options.object(`${this.#told} requests were told of, and by the ${step} there are ${rows[0].requests}`);
      }
    }
  }
}
