import { connect, type Socket } from "node:net";

/** Where to connect: a TCP port or a unix socket. */
export type Peer = { host?: string; port: number; localAddress?: string } | { path: string };

/** An HTTP/1.1 answer, as it stood on the wire. */
export type RawResponse = {
  status: number;
  /** In order, names as sent. */
  headers: [name: string, value: string][];
  body: Buffer;
  /** The first value of a header, in any case; undefined if there is none. */
  header(name: string): string | undefined;
  text(): string;
};

/** What {@link writeRequest} writes. Nothing is checked: a test may send what no client would. */
export type RawRequest = {
  method?: string;
  /** Default `/`. */
  target?: string;
  /** The `Host` header; null leaves it out. */
  host: string | null;
  headers?: readonly (readonly [name: string, value: string])[];
  /** Sent with its `Content-Length`. */
  body?: string | Uint8Array;
  version?: string;
};

const DEADLINE_MS = 60_000;

/** Writes a request as HTTP/1.1. Strings are Latin-1, so that a test can send any byte. */
export function writeRequest(request: RawRequest): Buffer {
  const body = Buffer.from(request.body ?? "");
  const lines = [`${request.method ?? "GET"} ${request.target ?? "/"} ${request.version ?? "HTTP/1.1"}`];
  if (request.host !== null) lines.push(`Host: ${request.host}`);
  for (const [name, value] of request.headers ?? []) lines.push(`${name}: ${value}`);
  if (request.body !== undefined) lines.push(`Content-Length: ${body.length}`);
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), body]);
}

/** A connection that sends exact bytes and reads answers one by one. */
export class RawConnection {
  readonly socket: Socket;
  readonly #deadlineMs: number;
  #received: Buffer = Buffer.alloc(0);
  #isEnded = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  private constructor(socket: Socket, deadlineMs: number) {
    this.socket = socket;
    this.#deadlineMs = deadlineMs;
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    for (const event of ["end", "close"]) socket.on(event, () => this.#end());
    socket.on("error", error => this.#end(error));
  }

  /**
   * Connects, and sends a PROXY header if one is given.
   * @param proxyHeader bytes of {@link writeProxyHeader}, or any others
   * @param deadlineMs how long each answer may take, in milliseconds
   * @throws the socket's own error when nobody listens
   */
  static open(peer: Peer, proxyHeader?: Uint8Array, deadlineMs = DEADLINE_MS): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = "path" in peer ? connect(peer.path) : connect({ host: "127.0.0.1", ...peer });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        const connection = new RawConnection(socket, deadlineMs);
        if (proxyHeader !== undefined) socket.write(proxyHeader);
        resolve(connection);
      });
    });
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /**
   * Reads one answer; `toHead` says that the request was a HEAD, whose answer has no body (RFC 9112 6.3). An interim answer
   * (1xx) counts as one.
   * @throws Error with what was received when the deadline passes or the connection ends in the middle
   */
  async readResponse(toHead = false): Promise<RawResponse> {
    const head = await this.#take(bytes => endOf(bytes, "\r\n\r\n"));
    const [statusLine = "", ...lines] = head.toString("latin1").trimEnd().split("\r\n");
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1];
    if (status === undefined) throw new Error(`no HTTP answer: ${JSON.stringify(head.toString("latin1"))}`);
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    const header = (name: string) => headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
    const code = Number(status);
    const hasBody = !toHead && code >= 200 && code !== 204 && code !== 304;
    const body = hasBody ? await this.#readBody(header) : Buffer.alloc(0);
    return { status: code, headers, body, header, text: () => body.toString("utf8") };
  }

  /** Waits until the other side has closed, and gives what came before. @throws Error when the deadline passes */
  async readToEnd(): Promise<Buffer> {
    return this.#take(bytes => (this.#isEnded ? bytes.length : -1));
  }

  close(): void {
    this.socket.destroy();
  }

  async #readBody(header: (name: string) => string | undefined): Promise<Buffer> {
    const length = header("content-length");
    if (length !== undefined) return this.#take(bytes => (bytes.length >= Number(length) ? Number(length) : -1));
    if (header("transfer-encoding") !== "chunked") return this.readToEnd();
    const parts: Buffer[] = [];
    for (;;) {
      const size = Number.parseInt((await this.#take(bytes => endOf(bytes, "\r\n"))).toString("latin1"), 16);
      const chunk = await this.#take(bytes => (bytes.length >= size + 2 ? size + 2 : -1));
      if (size === 0) return Buffer.concat(parts);
      parts.push(chunk.subarray(0, size));
    }
  }

  /** Waits until `find` says how many bytes belong together, and takes them. */
  async #take(find: (bytes: Buffer) => number): Promise<Buffer> {
    const deadline = Date.now() + this.#deadlineMs;
    for (;;) {
      const length = find(this.#received);
      if (length >= 0) {
        const taken = this.#received.subarray(0, length);
        this.#received = this.#received.subarray(length);
        return taken;
      }
      if (this.#isEnded) throw this.#failure(`connection ended${this.#error ? ` (${this.#error.message})` : ""}`);
      if (Date.now() >= deadline) throw this.#failure(`no answer in ${this.#deadlineMs} ms`);
      await this.#change(deadline - Date.now());
    }
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #end(error?: Error): void {
    this.#isEnded = true;
    this.#error ??= error;
    this.#wake();
  }

  #failure(what: string): Error {
    return new Error(`${what}; received so far: ${JSON.stringify(this.#received.toString("latin1").slice(0, 500))}`);
  }
}

/**
 * Sends one request on a connection of its own and reads its answer.
 * @param proxyHeader sent first, if given
 * @throws Error when there is no whole answer within the deadline (milliseconds)
 */
export async function exchange(
  peer: Peer,
  request: RawRequest | Uint8Array,
  proxyHeader?: Uint8Array,
  deadlineMs = DEADLINE_MS,
): Promise<RawResponse> {
  const connection = await RawConnection.open(peer, proxyHeader, deadlineMs);
  try {
    const bytes = request instanceof Uint8Array ? Buffer.from(request) : writeRequest(request);
    connection.send(bytes);
    return await connection.readResponse(bytes.subarray(0, 5).toString() === "HEAD ");
  } finally {
    connection.close();
  }
}

function endOf(bytes: Buffer, mark: string): number {
  const at = bytes.indexOf(mark);
  return at < 0 ? -1 : at + mark.length;
}
