import type { GateReading } from "./gate-readings.ts";

/** One message of a connection, as RFC 9112 reads it. */
export type Message =
  | { readonly kind: "request"; readonly request: HttpRequest }
  /** Must not be admitted, and whatever follows it neither: nobody can say where the next message begins. */
  | { readonly kind: "refused"; readonly why: string }
  /** The head has not come whole. */
  | { readonly kind: "partial" };

export interface HttpRequest {
  readonly method: string;
  /** As an upstream gets it: origin form, byte for byte. */
  readonly target: string;
  /** The host that decides, in lower case, without a port that is one; empty for none. */
  readonly host: string;
  /** Why it must not be admitted although everybody agrees where it ends; null for nothing. */
  readonly objection: string | null;
  /** Names in lower case. Names that are no tokens are left out: no proxy may hand them on. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Null when it has not come whole, or is malformed: then nothing may be forwarded. */
  readonly body: Buffer | null;
  /** Where the next message begins, in the bytes that were read. */
  readonly end: number;
}

const LF = 0x0a;
const CR = 0x0d;
const CRLF = Buffer.from("\r\n");
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;

/**
 * Takes a connection's bytes apart. Strict wherever two readers could differ about what a message is, whose it is, or where
 * it ends. What RFC 9112 leaves to the recipient is read as it allows: a bare LF ends a line (2.2), several spaces part the
 * request line (3), empty lines, also of a CR alone, come before it (2.2).
 */
export function readMessages(bytes: Buffer, reading: GateReading): Message[] {
  const messages: Message[] = [];
  let at = 0;
  for (;;) {
    while (bytes[at] === LF || bytes[at] === CR) at++;
    if (at >= bytes.length) return messages;
    const old = readVersion09(bytes, at);
    if (old !== null) {
      messages.push({ kind: "request", request: old });
      return messages;
    }
    const head = readLines(bytes, at);
    if (head === null) {
      messages.push({ kind: "partial" });
      return messages;
    }
    const read = readHead(head.lines, reading);
    if (typeof read === "string") {
      messages.push({ kind: "refused", why: read });
      return messages;
    }
    const body = readBody(bytes, head.end, read.framing, reading);
    const { content = null, end = bytes.length } = body ?? {};
    messages.push({ kind: "request", request: { ...read.request, body: content, end } });
    if (body === null || read.isLast) return messages;
    at = body.end;
  }
}

/** The lines up to an empty one, and where that ends; null if it has not come. */
function readLines(bytes: Buffer, from: number): { lines: string[]; end: number } | null {
  const lines: string[] = [];
  for (let at = from; ; ) {
    const end = bytes.indexOf(LF, at);
    if (end < 0) return null;
    const line = bytes.toString("latin1", at, end > at && bytes[end - 1] === CR ? end - 1 : end);
    at = end + 1;
    if (line === "") return { lines, end: at };
    lines.push(line);
  }
}

/** A request line without a version is a whole request of HTTP/0.9, the last of its connection; null for any other line. */
function readVersion09(bytes: Buffer, from: number): HttpRequest | null {
  const end = bytes.indexOf(LF, from);
  const line = bytes.toString("latin1", from, end < 0 ? bytes.length : end);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  const match = /^([A-Z]+) +([^\x00-\x20\x7f]+) *\r?$/.exec(line);
  if (end < 0 || match === null) return null;
  const [, method = "", target = ""] = match;
  return { method, target, host: "", headers: [], body: null, end: bytes.length, objection: "HTTP/0.9" }; // its answer has no status
}

/** How long the body is: bytes, or "chunked". */
type Framing = number | "chunked";
type Head = { request: Omit<HttpRequest, "body" | "end">; framing: Framing; isLast: boolean };

function requestLineOf(gap: string): RegExp {
  return new RegExp(
    `^([!#$%&'*+.^_\`|~0-9a-z-]+)${gap}([^\\x00-\\x20\\x7f]+)${gap}HTTP/1\\.(\\d{1,3})(?:${gap})?$`,
    "i",
  );
}

/** A text says why it is refused. */
function readHead([requestLine = "", ...lines]: readonly string[], reading: GateReading): Head | string {
  const match = requestLineOf(reading.gap).exec(requestLine);
  if (match === null) return "no request line";
  const [, method = "", target = "", minor = ""] = match;
  const headers = readHeaders(reading.mendsLines ? mendLines(lines) : lines, reading);
  if (typeof headers === "string") return headers;
  const valuesOf = (name: string) => headers.filter(([each]) => each === name).map(([, value]) => value);
  const isVersion10 = Number(minor) === 0;
  const place = readTarget(target, valuesOf("host"), reading);
  const framing = readFraming(valuesOf("transfer-encoding"), valuesOf("content-length"), isVersion10);
  if (typeof framing === "string" && framing !== "chunked") return framing;
  const options = valuesOf("connection").flatMap(value => value.toLowerCase().split(/[\t ]*,[\t ]*/));
  const isLast = options.includes("close") || (isVersion10 && !options.includes("keep-alive"));
  return { request: { method, headers, ...place }, framing: framing as Framing, isLast };
}

/** Joins folded lines, and takes out what stays of a CR. The first line has none to be joined to. */
function mendLines([first = "", ...rest]: readonly string[]): string[] {
  const mended = first === "" ? [] : [first];
  for (const line of rest) {
    if (/^[\t ]/.test(line)) mended.push(`${mended.pop() ?? ""} ${line.trim()}`);
    else mended.push(line);
  }
  return mended.map(line => line.replaceAll("\r", ""));
}

function readHeaders(lines: readonly string[], reading: GateReading): (readonly [string, string])[] | string {
  const headers: [string, string][] = [];
  for (const line of lines) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    if (/[\x00\r]/.test(line)) return "a NUL or a bare CR"; // RFC 9110 5.5
    if (/^[\t ]/.test(line)) return "obs-fold"; // RFC 9112 5.2
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon); // without a colon: a name without a value
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    if (name === "" || /[\x00-\x20\x7f]/.test(name)) return "a header name with blanks"; // RFC 9112 5.1
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, "");
    if (TOKEN.test(name)) headers.push([name.toLowerCase(), value]);
  }
  return reading.ignoresH2c && asksForH2c(headers) ? headers.filter(([name]) => name !== "upgrade") : headers;
}

function asksForH2c(headers: readonly (readonly [string, string])[]): boolean {
  const has = (wanted: string, value: RegExp) => headers.some(([name, each]) => name === wanted && value.test(each));
  return has("upgrade", /^h2c$/i) && has("connection", /(^|,)\s*upgrade\s*(,|$)/i);
}

type Place = Pick<HttpRequest, "host" | "target" | "objection">;

/** Host and target as they are forwarded (RFC 9112 3.2; design 3.1). */
function readTarget(target: string, lines: readonly string[], reading: GateReading): Place {
  const object = (objection: string): Place => ({ host: "", target, objection });
  const hosts = reading.ignoresEmptyHost && lines.length > 1 ? lines.filter(line => line !== "") : lines;
  if (hosts.length > 1) return object("several Hosts");
  const [host] = hosts;
  if (host === undefined) return object("no Host"); // in HTTP/1.0 too: nobody would say then whose it is
  if (target.startsWith("/")) return readPlace(host, target, reading);
  if (reading.refusesAbsoluteForm) return object("a target with a host");
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)(.*)$/i.exec(target);
  if (absolute === null) return object("a target of no known form");
  const [, authority = "", rest = ""] = absolute;
  if (authority === "" || authority.includes("@")) return object("no authority"); // RFC 9110 4.2.1, 4.2.4
  if (nameOf(host) !== nameOf(authority)) return object("two hosts");
  return readPlace(authority, rest.startsWith("/") ? rest : `/${rest}`, reading);
}

function readPlace(host: string, raw: string, reading: GateReading): Place {
  const target = reading.readTarget(raw);
  return target === null
    ? { host: "", target: raw, objection: "a path that is refused" }
    : { host: reading.dropsPort ? dropPort(host) : host.toLowerCase(), target, objection: null };
}

/** A host without port and trailing dot, in lower case. */
export function nameOf(host: string): string {
  return dropPort(host).replace(/\.$/, "");
}

/** RFC 3986 3.2.3 allows a port of no or of many digits. */
function dropPort(host: string): string {
  return host.toLowerCase().replace(/:(\d*)$/, (whole, port: string) => (Number(port) <= 65535 ? "" : whole));
}

/** RFC 9112 6.3, where it lets a server refuse what smuggling is made of. */
function readFraming(
  codings: readonly string[],
  lengths: readonly string[],
  isVersion10: boolean,
): Framing | (string & {}) {
  if (codings.length > 0) {
    if (lengths.length > 0) return "Transfer-Encoding and Content-Length";
    if (isVersion10) return "Transfer-Encoding in HTTP/1.0";
    return codings.length === 1 && codings[0]?.toLowerCase() === "chunked" ? "chunked" : "another transfer coding";
  }
  if (lengths.length === 0) return 0;
  return lengths.length === 1 && /^\d{1,15}$/.test(lengths[0] ?? "")
    ? Number(lengths[0])
    : "a malformed Content-Length";
}

type Body = { content: Buffer; end: number };

function readBody(bytes: Buffer, from: number, framing: Framing, reading: GateReading): Body | null {
  if (framing === "chunked") return readChunks(bytes, from, reading);
  const end = from + framing;
  return end > bytes.length ? null : { content: bytes.subarray(from, end), end };
}

/** RFC 9112 7.1; null also for a malformed body. A blank ends the size as `;` does: what stands behind it is for nobody. */
function readChunks(bytes: Buffer, from: number, reading: GateReading): Body | null {
  const parts: Buffer[] = [];
  for (let at = from; ; ) {
    const end = bytes.indexOf(CRLF, at);
    if (end < 0) return null;
    const size = /^([0-9a-f]{1,12})([\t ;][^\n]*)?$/i.exec(bytes.toString("latin1", at, end))?.[1];
    if (size === undefined) return null;
    const start = end + CRLF.length;
    const length = Number.parseInt(size, 16);
    if (length === 0) {
      const trailers = readLines(bytes, start);
      return trailers && { content: Buffer.concat(parts), end: trailers.end };
    }
    parts.push(bytes.subarray(start, start + length));
    at = start + length;
    if (reading.skipsBehindChunks) at = Math.max(at, bytes.indexOf(LF, at) - 1);
    if (!bytes.subarray(at, at + CRLF.length).equals(CRLF)) return null;
    at += CRLF.length;
  }
}
