import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A request as it stood on the wire at a tenant's service. */
export interface UpstreamRequest {
  /** Whose service it is: the socket's own identity, whatever the request says. */
  readonly account: string;
  /** Every byte of it. */
  readonly raw: Buffer;
  readonly method: string;
  readonly target: string;
  /** In order, names as sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/**
 * The tenants' services: one unix socket per account. They take requests literally: a proxy must hand over well-formed ones,
 * so whatever is malformed, or follows a request that ended its connection's turn, is kept in {@link problems}.
 */
export class RecordingUpstream {
  readonly requests: UpstreamRequest[] = [];
  /** What no service should ever get, as `account: why: bytes`. */
  readonly problems: string[] = [];
  /** Called instead of recording in {@link requests}, if set. */
  onRequest: ((request: UpstreamRequest) => void) | null = null;
  /** The answer waits for this, if set. */
  holdAnswer: ((request: UpstreamRequest) => Promise<void>) | null = null;
  /** Where the sockets are, until {@link stop}; a short path, since a socket's has at most 107 bytes. */
  readonly dir = mkdtempSync(join(tmpdir(), "lg-up-"));
  readonly #servers = new Map<string, Server>();
  readonly #sockets = new Set<Socket>();

  /** Starts the services of these accounts, unless they run already. */
  async serve(accounts: Iterable<string>): Promise<void> {
    for (const account of accounts) {
      if (this.#servers.has(account)) continue;
      const server = createServer(socket => this.#read(account, socket));
      this.#servers.set(account, server);
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(join(this.dir, `${account}.sock`), resolve);
      });
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([...this.#servers.values()].map(server => new Promise(resolve => server.close(resolve))));
    rmSync(this.dir, { recursive: true, force: true });
  }

  #read(account: string, socket: Socket): void {
    this.#sockets.add(socket);
    let received: Buffer = Buffer.alloc(0);
    let isAnswering = false;
    const turn = async () => {
      while (!isAnswering && received.length > 0) {
        const parsed = parseRequest(account, received);
        if (parsed === null) return;
        if (typeof parsed === "string") {
          this.problems.push(`${account}: ${parsed}: ${JSON.stringify(received.toString("latin1"))}`);
          socket.destroy();
          return;
        }
        received = received.subarray(parsed.raw.length);
        if (this.onRequest) this.onRequest(parsed);
        else this.requests.push(parsed);
        isAnswering = true;
        if (this.holdAnswer) await this.holdAnswer(parsed);
        isAnswering = false;
        if (!socket.destroyed) socket.write(writeAnswer(parsed));
      }
    };
    socket.on("data", chunk => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      void turn();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      // A request that a client broke off comes as a part; its head alone says nothing that a service would act on.
    });
  }
}

function writeAnswer(request: UpstreamRequest): string {
  const head = `HTTP/1.1 200 OK\r\nX-Served-By: ${request.account}\r\nContent-Type: text/plain\r\n`;
  const body = `${request.account}\n`;
  return `${head}Content-Length: ${body.length}\r\n\r\n${request.method === "HEAD" ? "" : body}`;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** One whole request; null for a part of one; a text that says why for anything that is none (RFC 9112, strictly). */
function parseRequest(account: string, bytes: Buffer): UpstreamRequest | string | null {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return bytes.length > 100_000 ? "no end of the head" : null;
  const [requestLine = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const [method = "", target = "", version = "", ...more] = requestLine.split(" ");
  if (!TOKEN.test(method) || target === "" || version !== "HTTP/1.1" || more.length > 0) return "no request line";
  const headers: [string, string][] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (!TOKEN.test(line.slice(0, colon))) return `no header line ${JSON.stringify(line)}`;
    const value = line.slice(colon + 1).trim();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    if (/[\x00\r\n]/.test(value)) return `no header value ${JSON.stringify(line)}`;
    headers.push([line.slice(0, colon), value]);
  }
  const valuesOf = (name: string) => headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
  if (valuesOf("host").length !== 1) return "not one Host";
  const lengths = valuesOf("content-length");
  if (lengths.length > 1 || !lengths.every(length => /^\d{1,10}$/.test(length))) return "no Content-Length";
  const codings = valuesOf("transfer-encoding");
  if (codings.length > 1 || !codings.every(coding => coding === "chunked")) return "another transfer coding";
  if (codings.length > 0 && lengths.length > 0) return "Transfer-Encoding and Content-Length";
  const length = Number(lengths[0] ?? 0);
  const read = codings.length > 0 ? readChunks(bytes, end + 4) : { body: bytes.subarray(end + 4), size: length };
  if (read === null || typeof read === "string") return read;
  const total = end + 4 + read.size;
  if (bytes.length < total) return null;
  const raw = Buffer.from(bytes.subarray(0, total));
  return { account, raw, method, target, headers, body: Buffer.from(read.body.subarray(0, read.size)) };
}

/** A body in chunks as a proxy must write them: no extensions, no trailers. Null for a part of one, a text for what is none. */
function readChunks(bytes: Buffer, from: number): { body: Buffer; size: number } | string | null {
  const parts: Buffer[] = [];
  for (let at = from; ; ) {
    const end = bytes.indexOf("\r\n", at);
    if (end < 0) return bytes.length > at + 10 ? "no chunk size" : null;
    const size = /^[0-9a-fA-F]{1,8}$/.test(bytes.toString("latin1", at, end))
      ? Number.parseInt(bytes.toString("latin1", at, end), 16)
      : -1;
    if (size < 0) return "no chunk size";
    const next = end + 2 + size + 2;
    if (bytes.length < next) return null;
    if (bytes.toString("latin1", next - 2, next) !== "\r\n") return size === 0 ? "a trailer" : "a chunk without end";
    if (size === 0) return { body: Buffer.concat(parts), size: next - from };
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = next;
  }
}
