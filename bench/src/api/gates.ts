import { randomBytes } from "node:crypto";
import { Agent, request } from "undici";

export interface GatesOptions {
  readonly url: string;
  readonly gate: string;
  readonly token: string;
  readonly count: number;
  /** Seconds that a poll is held back. */
  readonly wait: number;
  /** Gets each account that a gate is told of, with the time of arrival in milliseconds since 1970. */
  readonly onChange: (account: string, at: number) => void;
}

/** Gates that follow the feed, each with its connection and its cursor, and keep no table. */
export class Gates {
  readonly #options: GatesOptions;
  readonly #agent: Agent;
  readonly #stopping = new AbortController();
  readonly #loaded: Promise<void>[] = [];
  readonly #running: Promise<void>[] = [];
  polls = 0;

  /** Resolves when each has loaded. */
  static async start(options: GatesOptions): Promise<Gates> {
    const gates = new Gates(options);
    await Promise.race([Promise.all(gates.#loaded), Promise.all(gates.#running)]);
    return gates;
  }

  private constructor(options: GatesOptions) {
    this.#options = options;
    this.#agent = new Agent({ connections: options.count });
    for (let n = 0; n < options.count; n++) {
      const loaded = Promise.withResolvers<void>();
      this.#loaded.push(loaded.promise);
      const running = this.#follow(loaded.resolve);
      running.catch(() => {}); // whoever stops them is told
      this.#running.push(running);
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
    await this.#agent.destroy();
  }

  async #follow(onLoaded: () => void): Promise<void> {
    const incarnation = randomBytes(16).toString("hex");
    const { signal } = this.#stopping;
    for (let cursor = ""; !signal.aborted; ) {
      const page = await this.#ask({ incarnation, cursor }).catch(error => {
        if (signal.aborted) return undefined;
        throw error;
      });
      if (page === undefined) break;
      const at = performance.timeOrigin + performance.now();
      const lines = page.split("\n");
      for (const line of lines) {
        if (line[0] === "+" || line[0] === "-") this.#options.onChange(line.slice(1, line.indexOf("\t")), at);
        else if (line[0] === "=") {
          cursor = line.slice(1, line.indexOf("\t"));
          if (line.endsWith("done")) onLoaded();
        }
      }
      this.polls += 1;
    }
    await this.#say({ incarnation, bye: "1" });
  }

  async #ask(query: Record<string, string>): Promise<string> {
    const { wait } = this.#options;
    const answer = await this.#say({ maxAge: "3600", wait: String(wait), ...query }, this.#stopping.signal);
    if (answer.statusCode !== 200) throw new Error(`the feed answered ${answer.statusCode}: ${answer.text}`);
    return answer.text;
  }

  async #say(query: Record<string, string>, signal?: AbortSignal): Promise<{ statusCode: number; text: string }> {
    const { url, gate, token } = this.#options;
    const { statusCode, body } = await request(`${url}/gate/v1/changes?${new URLSearchParams({ gate, ...query })}`, {
      headers: { authorization: `Bearer ${token}` },
      dispatcher: this.#agent,
      ...(signal === undefined ? {} : { signal }),
    });
    return { statusCode, text: await body.text() };
  }
}
