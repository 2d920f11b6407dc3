import { createServer, type Server } from "node:http";
import { join } from "node:path";

/** What a tenant's service was asked. */
export type UpstreamRequest = {
  account: string;
  method: string;
  target: string;
  /** In order, as they came. */
  headers: [name: string, value: string][];
  body: string;
};

/** The tenants' services: one unix socket per account, which record, and answer 200 with what they were
 * asked; `/slow/300` after 300 ms. */
export class TestUpstream {
  readonly requests: UpstreamRequest[] = [];
  /** How long each answer takes at least, in milliseconds. */
  delayMs = 0;
  readonly #dir: string;
  readonly #servers = new Map<string, Server>();

  /** @param dir where the sockets are made; a short path, since a socket's has at most 107 bytes */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** What `LINKGATE_UPSTREAM` must be. */
  get setting(): string {
    return `http://unix:${this.#dir}/$linkgate_account.sock`;
  }

  /** Starts the services of these accounts, unless they run already. */
  async serve(accounts: Iterable<string>): Promise<void> {
    for (const account of accounts) {
      if (this.#servers.has(account)) continue;
      const server = createServer((request, answer) => {
        const chunks: Buffer[] = [];
        request.on("data", chunk => chunks.push(chunk));
        request.on("end", () => {
          const headers: [string, string][] = [];
          for (let at = 0; at < request.rawHeaders.length; at += 2) {
            headers.push([request.rawHeaders[at] ?? "", request.rawHeaders[at + 1] ?? ""]);
          }
          const body = Buffer.concat(chunks).toString("latin1");
          const { method = "", url = "" } = request;
          const seen: UpstreamRequest = { account, method, target: url, headers, body };
          this.requests.push(seen);
          const respond = () => answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(seen));
          setTimeout(respond, Math.max(this.delayMs, Number(/^\/slow\/(\d+)/.exec(url)?.[1] ?? 0)));
        });
      });
      this.#servers.set(account, server);
      await new Promise<void>(resolve => server.listen(join(this.#dir, `${account}.sock`), resolve));
    }
  }

  /** Headers of the last request that a service got, names in lower case. @throws Error when there was none */
  lastHeaders(): Map<string, string> {
    const last = this.requests.at(-1);
    if (last === undefined) throw new Error("no service was asked");
    return new Map(last.headers.map(([name, value]) => [name.toLowerCase(), value]));
  }

  async stop(): Promise<void> {
    for (const server of this.#servers.values()) {
      const closed = new Promise(resolve => server.close(resolve));
      server.closeAllConnections();
      await closed;
    }
  }
}
