import { randomBytes } from "node:crypto";
import { Agent, request } from "undici";

export interface ReportsOptions {
  readonly url: string;
  readonly gate: string;
  readonly token: string;
  /** Gates, each of which reports once a second. */
  readonly count: number;
  /** Lines of each report. */
  readonly lines: number;
  /** Names of accounts that are told of. */
  readonly accounts: readonly string[];
}

/** Gates that tell of requests, spread over each second, and do nothing else. */
export class Reports {
  readonly #options: ReportsOptions;
  readonly #agent: Agent;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #open: Promise<unknown>[] = [];
  readonly #failures: unknown[] = [];
  sent = 0;

  constructor(options: ReportsOptions) {
    this.#options = options;
    this.#agent = new Agent({ connections: options.count });
    for (let n = 0; n < options.count; n++) {
      const incarnation = randomBytes(16).toString("hex");
      let sequence = 0;
      const report = (): void => {
        sequence += 1;
        this.#open.push(this.#send(incarnation, sequence).catch(error => this.#failures.push(error)));
      };
      this.#timers.push(setTimeout(() => this.#timers.push(setInterval(report, 1000)), (1000 * n) / options.count));
    }
  }

  /** Throws if any report failed. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#open);
    await this.#agent.destroy();
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async #send(incarnation: string, sequence: number): Promise<void> {
    const { url, gate, token, lines, accounts } = this.#options;
    const first = (sequence * lines) % accounts.length;
    const told = Array.from({ length: lines }, (_, n) => accounts[(first + n) % accounts.length]);
    const query = new URLSearchParams({ gate, incarnation, reporter: "0", sequence: String(sequence), age: "0" });
    const { statusCode, body } = await request(`${url}/gate/v1/reports?${query}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "text/plain; charset=us-ascii" },
      body: told.map(account => `${account}\tpublic\t\t25\t50000\n`).join(""),
      dispatcher: this.#agent,
    });
    const text = await body.text();
    if (statusCode !== 204) throw new Error(`a report was answered ${statusCode}: ${text}`);
    this.sent += 1;
  }
}
