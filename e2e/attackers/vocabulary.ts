import { ZONE } from "../gates/index.ts";
import { LINK_ADDRESSES, LINKS } from "./world.ts";

// What attackers are made of. "Sound" parts leave a message readable, so that others follow it on the connection; "broken"
// ones are such that two readers could differ. Whether a message with them is admitted is the reference's to say, not theirs.

const VICTIM = `contoso.${ZONE.private}`;
const AT_VICTIM = LINK_ADDRESSES.contoso;

/** Ways to write a host that still name it. */
export const SOUND_HOSTS: readonly ((host: string) => string)[] = [
  host => host.toUpperCase(),
  host => host.replace("o", "O"),
  host => `${host}.`,
  host => `${host}:80`,
  host => `${host}:65535`,
  host => `${host}:0`,
  host => `${host}:00443`,
  host => `${host}.:443`,
  host => `  ${host}  `,
  host => `${host}:`,
];

/** Hosts that are somebody else's, or nobody's. */
export const OTHER_HOSTS: readonly ((host: string) => string)[] = [
  host => `${host}.evil.example`,
  host => `evil.${host}`,
  host => `evil-${host}`,
  host => `-${host}`,
  host => `xn--${host}`,
  host => host.replace(".", "-."),
  host => host.replace(".", "%2e"),
  host => host.replace(".", "_."),
  host => `${host};${VICTIM}`,
  () => ZONE.private,
  () => ZONE.public,
  () => "localhost",
  () => "127.0.0.1",
  () => "[::1]",
  () => `[${AT_VICTIM}]`,
];

/** Hosts that are none. */
export const BROKEN_HOSTS: readonly ((host: string) => string)[] = [
  () => "",
  host => host.replace(".", ".."),
  host => `user@${host}`,
  host => `${host}@evil.example`,
  host => `${host}:abc`,
  host => `\t${host}\t`,
  host => `${host}:65536`,
  host => `${host}:99999999999999999999`,
  host => `${host}:-80`,
  host => `${host}:80:80`,
  host => `${host}:+80`,
  host => `${host}, ${VICTIM}`,
  host => `${host} ${VICTIM}`,
  host => `${host}/${VICTIM}`,
  host => `${host}\\${VICTIM}`,
  host => `${host}#${VICTIM}`,
  host => `${host}?${VICTIM}`,
  host => `${host}..`,
  host => `.${host}`,
  host => `"${host}"`,
  host => `${host}\xa0`,
  host => host.replace("o", "\xf6"),
  host => `${host}\x7f`,
  host => `http://${host}`,
];

/** Targets that look like a health check, or that some server would make one. */
export const HEALTH_TARGETS = [
  "/health/check",
  "/health/check?",
  "/health/check/",
  "/health/check/..",
  "/health/check/../../Patient",
  "/health//check",
  "//health/check",
  "/./health/check",
  "/Patient/../health/check",
  "/Patient/%2e%2e/health/check",
  "/%68ealth/check",
  "/health%2fcheck",
  "/health%252fcheck",
  "/health/chec%6b",
  "/health/check%20",
  "/health/check%3f",
  "/health/check%23",
  "/health/check;jsessionid=1",
  "/health;a=b/check",
  "/;/health/check",
  "/health/check&",
  "/health/check#",
  "/health\\check",
  "/health/check\\",
  "/Health/Check",
  "/HEALTH/CHECK",
  "/health/check.json",
  "/health/checks",
  "/health/check\xa0",
  "/health/che\xe7k",
] as const;

/** Targets that are none. */
export const BROKEN_TARGETS = ["/health/check%00", "\\health\\check", "health/check", "/health/check%zz"] as const;

/** Headers that some proxy or framework believes. */
export const SPOOFED_HEADERS = [
  `X-Forwarded-For: ${AT_VICTIM}`,
  `X-Forwarded-For: 127.0.0.1, ${AT_VICTIM}`,
  `X-Forwarded-For: [${AT_VICTIM}]:55028`,
  `x-forwarded-for: ${AT_VICTIM}\r\nX-FORWARDED-FOR: 127.0.0.1`,
  `X_Forwarded_For: ${AT_VICTIM}`,
  `X-Real-IP: ${AT_VICTIM}`,
  `Forwarded: for="[${AT_VICTIM}]";host=${VICTIM};proto=https`,
  `X-Forwarded-Host: ${VICTIM}`,
  "X-Forwarded-Server: contoso",
  "X-Forwarded-Port: 443",
  "X-Forwarded-Proto: https",
  "X-Original-URL: /health/check",
  "X-Rewrite-URL: /health/check",
  `X-Original-Host: ${VICTIM}`,
  `X-Host: ${VICTIM}`,
  "X-HTTP-Method-Override: GET",
  "X-HTTP-Method: GET",
  "X-Method-Override: GET",
  `True-Client-IP: ${AT_VICTIM}`,
  `CF-Connecting-IP: ${AT_VICTIM}`,
  `Client-IP: ${AT_VICTIM}`,
  `X-Client-IP: ${AT_VICTIM}`,
  `X-Azure-SocketIP: ${AT_VICTIM}`,
  `X-Azure-ClientIP: ${AT_VICTIM}`,
  `X-Cluster-Client-IP: ${AT_VICTIM}`,
  `Via: 1.1 ${VICTIM}`,
  `X-MS-Private-Link-Id: ${LINKS.contoso}`,
  "X-Accel-Redirect: /health/check",
  "Proxy: http://127.0.0.1:1",
  "Connection: x-private-link-id, x-private-link-client, x-forwarded-for",
  "TE: trailers",
  "Expect: 200-ok",
  "Expect: 100-continue",
  "Range: bytes=0-0",
  "Upgrade-Insecure-Requests: 1",
  "Connection: upgrade",
  "HTTP2-Settings: AAMAAABkAAQAAP__",
  "Upgrade:",
  "no-colon",
  `\xa0Host: ${VICTIM}`,
] as const;

/** Our own headers, in spellings that some server folds into ours. */
export const RESERVED_HEADERS = [
  `x-private-link-id: ${LINKS.contoso}`,
  `X-Private-Link-Id: ${LINKS.contoso}`,
  `X-PRIVATE-LINK-ID: ${LINKS.contoso}`,
  `x_private_link_id: ${LINKS.contoso}`,
  `X-Private_Link-Id: ${LINKS.contoso}`,
  `x-private-link_id: ${LINKS.contoso}`,
  `x-private-link-client: 10.1.1.4:${LINKS.contoso}`,
  `X_PRIVATE_LINK_CLIENT: 10.1.1.4:${LINKS.contoso}`,
  `x-private-link-id: 1\r\nx-private-link-id: ${LINKS.contoso}`,
  `X-Private-Link-Id: 1\r\nx_private_link_id: ${LINKS.contoso}`,
  "x-private-link-account: contoso",
  "x-private-link-: 1",
  "x-private-link-id.: 1",
  "x-private-link-id:",
  "x-private-link-id",
] as const;

/** Header lines that no two readers must take differently. */
export const BROKEN_LINES = [
  `x-private-link-id : ${LINKS.contoso}`,
  `x-private-link-id\t: ${LINKS.contoso}`,
  `x-private-link-id\x0b: ${LINKS.contoso}`,
  `x-private-link-id\x00: ${LINKS.contoso}`,
  ` x-private-link-id: ${LINKS.contoso}`,
  `\tx-private-link-id: ${LINKS.contoso}`,
  `X-Folded: a\r\n x-private-link-id: ${LINKS.contoso}`,
  `X-Folded: a\r\n\tb`,
  `Host : ${VICTIM}`,
  ` Host: ${VICTIM}`,
  `Host:\r\n ${VICTIM}`,
  ": no name",
  "X-Nul: a\x00b",
  `X-Cr: a\rHost: ${VICTIM}`,
  `X-Cr: a\r\rHost: ${VICTIM}`,
  `Host: ${VICTIM}`,
  `host: ${VICTIM}`,
  `HOST:${VICTIM}`,
  "Host: evil.example",
  "Host:",
  "Host",
  "Upgrade: websocket\r\nConnection: Upgrade",
  "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
  "Upgrade: TLS/1.2, HTTP/2.0\r\nConnection: upgrade",
  "Upgrade:\x00h2c",
] as const;

/** How the length of a body must not be given, with what a reader of `Transfer-Encoding` alone would take for its end. */
export const BROKEN_FRAMINGS: readonly ((hidden: string) => { lines: string[]; body: string })[] = [
  // CL.TE, TE.CL, TE.TE
  hidden => ({
    lines: [`Content-Length: ${hidden.length + 5}`, "Transfer-Encoding: chunked"],
    body: `0\r\n\r\n${hidden}`,
  }),
  hidden => ({ lines: ["Transfer-Encoding: chunked", "Content-Length: 4"], body: writeChunk(hidden) }),
  hidden => ({ lines: ["Transfer-Encoding: chunked", "Transfer-Encoding: x"], body: `0\r\n\r\n${hidden}` }),
  hidden => ({ lines: ["Transfer-Encoding: chunked", "Transfer-encoding: identity"], body: `0\r\n\r\n${hidden}` }),
  ...[
    "xchunked",
    "chunked, identity",
    "identity, chunked",
    "chunked, chunked",
    "gzip, chunked",
    "chunked;q=1",
    '"chunked"',
    "\x0bchunked",
    "\tchunked",
    "chunked\x00",
    "chunked\xa0",
    "identity",
    "",
  ].map(coding => (hidden: string) => ({ lines: [`Transfer-Encoding: ${coding}`], body: `0\r\n\r\n${hidden}` })),
  hidden => ({ lines: ["Transfer-Encoding : chunked"], body: `0\r\n\r\n${hidden}` }),
  hidden => ({ lines: ["Transfer-Encoding:", " chunked"], body: `0\r\n\r\n${hidden}` }),
  hidden => ({ lines: ["X: x\r\n Transfer-Encoding: chunked"], body: `0\r\n\r\n${hidden}` }),
  hidden => ({ lines: ["X: x\rTransfer-Encoding: chunked"], body: `0\r\n\r\n${hidden}` }),
  ...["+5", "-5", "0x5", "5,5", "5, 6", "5 5", "5.0", "5e0", "", "five", "18446744073709551621", "\x0b5", "5\x00"].map(
    length => (hidden: string) => ({ lines: [`Content-Length: ${length}`], body: `12345${hidden}` }),
  ),
  hidden => ({ lines: ["Content-Length: 5", "Content-Length: 0"], body: `12345${hidden}` }),
  hidden => ({ lines: ["Content-Length: 5", "Content-Length: 5"], body: `12345${hidden}` }),
  hidden => ({ lines: ["Content-Length : 5"], body: `12345${hidden}` }),
  hidden => ({ lines: [`Content-Length: ${hidden.length + 1000}`], body: hidden }),
  // Chunks that are none
  ...["-1", "0x5", "5\x00", "g", "", "fffffffffffffffff", "5,", " 5", "+5"].map(size => (hidden: string) => ({
    lines: ["Transfer-Encoding: chunked"],
    body: `${size}\r\n12345\r\n0\r\n\r\n${hidden}`,
  })),
  hidden => ({ lines: ["Transfer-Encoding: chunked"], body: `3\r\n12345\r\n0\r\n\r\n${hidden}` }),
  hidden => ({ lines: ["Transfer-Encoding: chunked"], body: `5\r\n1234567\r\n0\r\n\r\n${hidden}` }),
  hidden => ({ lines: ["Transfer-Encoding: chunked"], body: `5\r12345\r0\r\r${hidden}` }),
  hidden => ({ lines: ["Transfer-Encoding: chunked"], body: writeChunk(hidden).replaceAll("\r\n0\r\n", "\n0\n") }),
  hidden => ({ lines: ["Transfer-Encoding: chunked"], body: `5\n12345\r\n0\r\n\r\n${hidden}` }),
  hidden => ({ lines: ["Transfer-Encoding: chunked"], body: `5;a\n12345\r\n0\r\n\r\n${hidden}` }),
  hidden => ({ lines: ["Transfer-Encoding: chunked"], body: `5;\r12345\r\n0\r\n\r\n${hidden}` }),
];

/** Bodies whose end is beyond doubt, with what looks like another request inside. */
export const SOUND_FRAMINGS: readonly ((hidden: string) => { lines: string[]; body: string })[] = [
  () => ({ lines: ["Content-Length: 0"], body: "" }),
  hidden => ({ lines: [`Content-Length: ${hidden.length}`], body: hidden }),
  hidden => ({ lines: [`content-length:  ${String(hidden.length).padStart(6, "0")} `], body: hidden }),
  hidden => ({ lines: ["Transfer-Encoding: chunked"], body: writeChunk(hidden) }),
  hidden => ({ lines: ["transfer-encoding:  CHUNKED "], body: writeChunk(hidden) }),
  hidden => ({ lines: ["Transfer-Encoding: chunked"], body: writeChunk(hidden, ";name=value") }),
  hidden => ({ lines: ["Transfer-Encoding: chunked"], body: writeChunk(hidden, ` ; a="${"x".repeat(50)}"`) }),
  hidden => ({
    lines: ["Transfer-Encoding: chunked", "Trailer: x-private-link-id"],
    body: writeChunk(hidden, "", [`x-private-link-id: ${LINKS.contoso}`, `X_Private_Link_Client: 1`]),
  }),
  hidden => ({
    lines: ["Transfer-Encoding: chunked"],
    body: writeChunk(hidden, "", [`Host: ${VICTIM}`, "Content-Length: 1", "Transfer-Encoding: chunked"]),
  }),
  hidden => ({ lines: ["Transfer-Encoding: chunked"], body: `000${writeChunk(hidden)}` }),
  hidden => ({ lines: ["Transfer-Encoding: chunked"], body: writeChunk(hidden, " 5") }),
];

function writeChunk(content: string, extension = "", trailers: readonly string[] = []): string {
  const tail = trailers.map(line => `${line}\r\n`).join("");
  return `${content.length.toString(16)}${extension}\r\n${content}\r\n0${extension}\r\n${tail}\r\n`;
}
