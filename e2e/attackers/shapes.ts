import { ZONE } from "../gates/index.ts";
import {
  BROKEN_FRAMINGS,
  BROKEN_HOSTS,
  BROKEN_LINES,
  BROKEN_TARGETS,
  HEALTH_TARGETS,
  OTHER_HOSTS,
  RESERVED_HEADERS,
  SOUND_FRAMINGS,
  SOUND_HOSTS,
  SPOOFED_HEADERS,
} from "./vocabulary.ts";

/** An attack that a person thought of, at contoso's private host. */
export interface Shape {
  readonly group: string;
  readonly name: string;
  /** `mark(0)` is the request's own, `mark(1)` that of one which hides in it or follows it. */
  readonly write: (mark: (number: number) => string) => string;
  /** What becomes of the request when it comes by contoso's own link. `cleaned`: forwarded without what is ours, or refused. */
  readonly owner: "admitted" | "cleaned" | "refused" | "health";
  /** What becomes of it from anywhere else. */
  readonly others: "denied" | "health";
}

const HOST = `contoso.${ZONE.private}`;
const FABRIKAM = `fabrikam.${ZONE.private}`;

function head(requestLine: string, ...lines: readonly string[]): string {
  return `${[requestLine, ...lines].join("\r\n")}\r\n\r\n`;
}

/** A request that hides in another's body, or comes behind it. */
function hide(mark: string): string {
  return head(`GET /hidden/${mark} HTTP/1.1`, `Host: ${HOST}`);
}

function show(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}

const byHeader = (
  group: string,
  lines: readonly string[],
  outcome: Pick<Shape, "owner" | "others">,
  target = (mark: string) => `/Patient/${mark}`,
): Shape[] =>
  lines.map(line => ({
    group,
    name: show(line),
    write: mark => head(`GET ${target(mark(0))} HTTP/1.1`, `Host: ${HOST}`, line),
    ...outcome,
  }));

const byHost = (
  group: string,
  hosts: readonly ((host: string) => string)[],
  outcome: Pick<Shape, "owner" | "others">,
): Shape[] =>
  hosts.map(write => ({
    group,
    name: show(write(HOST)),
    write: mark => head(`GET /Patient/${mark(0)} HTTP/1.1`, `Host: ${write(HOST)}`),
    ...outcome,
  }));

const byFraming = (
  group: string,
  framings: readonly ((hidden: string) => { lines: readonly string[]; body: string })[],
  outcome: Pick<Shape, "owner" | "others">,
): Shape[] =>
  framings.map(write => ({
    group,
    name: show(`${write("<hidden>").lines.join(" | ")} || ${write("<hidden>").body}`),
    write: mark => {
      const { lines, body } = write(hide(mark(1)));
      return head(`POST /Patient/${mark(0)} HTTP/1.1`, `Host: ${HOST}`, ...lines) + body;
    },
    ...outcome,
  }));

const byRequestLine = (
  group: string,
  lines: readonly ((mark: string) => string)[],
  outcome: Pick<Shape, "owner" | "others">,
  host: string | null = HOST,
): Shape[] =>
  lines.map(write => ({
    group,
    name: `${show(write("~"))}${host === HOST ? "" : `, Host: ${host ?? "none"}`}`,
    write: mark => head(write(mark(0)), ...(host === null ? [] : [`Host: ${host}`])) + hide(mark(1)),
    ...outcome,
  }));

const isHealth = (target: string) => /^\/health\/check(\?|$)/.test(target);
const withMark = (target: string, mark: string) => `${target}${target.includes("?") ? "" : "?"}${mark}`;
const atHealth = (mark: string) => `/health/check?${mark}`;

const ADMITTED = { owner: "admitted", others: "denied" } as const;
const CLEANED = { owner: "cleaned", others: "denied" } as const;
const REFUSED = { owner: "refused", others: "denied" } as const;
const HEALTH = { owner: "health", others: "health" } as const;

/** Every one, in the order of the issue that asks for them. */
export const SHAPES: readonly Shape[] = [
  ...byHeader("forged headers", SPOOFED_HEADERS, ADMITTED),
  ...byHeader("forged headers of a health check", SPOOFED_HEADERS, HEALTH, atHealth),
  ...byHeader("our own headers", RESERVED_HEADERS, CLEANED),
  ...byHeader("our own headers of a health check", RESERVED_HEADERS, HEALTH, atHealth),
  ...byHeader("header lines that are none", BROKEN_LINES, REFUSED),
  ...byHeader("header lines that are none, of a health check", BROKEN_LINES, REFUSED, atHealth),
  ...byHost("spellings of the host", SOUND_HOSTS, ADMITTED),
  ...byHost("hosts of others", OTHER_HOSTS, REFUSED),
  ...byHost("hosts that are none", BROKEN_HOSTS, REFUSED),
  ...byRequestLine(
    "absolute targets",
    [mark => `GET http://${HOST}/${mark} HTTP/1.1`, mark => `GET HTTPS://${HOST.toUpperCase()}:443/${mark} HTTP/1.1`],
    ADMITTED,
  ),
  ...byRequestLine(
    "absolute targets that are none",
    [
      mark => `GET http://user@${HOST}/${mark} HTTP/1.1`,
      mark => `GET http://${FABRIKAM}@${HOST}/${mark} HTTP/1.1`,
      mark => `GET http://${HOST}@${FABRIKAM}/${mark} HTTP/1.1`,
      mark => `GET http://${HOST}:abc/${mark} HTTP/1.1`,
      mark => `GET http://${HOST}:65536/${mark} HTTP/1.1`,
      mark => `GET http:///${HOST}/${mark} HTTP/1.1`,
      mark => `GET http:/${mark} HTTP/1.1`,
      mark => `GET ${HOST}/${mark} HTTP/1.1`,
      mark => `GET *${mark} HTTP/1.1`,
    ],
    REFUSED,
  ),
  ...[FABRIKAM, `contoso.${ZONE.public}`, "evil.example", `${HOST}.evil.example`, null].flatMap(host =>
    byRequestLine(
      "an absolute target and another Host",
      [mark => `GET http://${HOST}/${mark} HTTP/1.1`, mark => `GET http://${HOST}${atHealth(mark)} HTTP/1.1`],
      REFUSED,
      host,
    ),
  ),
  ...byRequestLine(
    "no Host, old and new versions",
    [
      mark => `GET /${mark} HTTP/1.1`,
      mark => `GET /${mark} HTTP/1.0`,
      mark => `GET http://${HOST}/${mark} HTTP/1.0`,
      mark => `GET http://${HOST}/${mark}`,
      mark => `GET http://${HOST}${atHealth(mark)}`,
    ],
    REFUSED,
    null,
  ),
  ...byRequestLine("HTTP/1.0", [mark => `GET /${mark} HTTP/1.0`], ADMITTED),
  ...byRequestLine(
    "other versions",
    [
      mark => `GET /${mark} HTTP/2.0`,
      mark => `GET /${mark} HTTP/3.0`,
      mark => `GET /${mark} HTTP/0.9`,
      mark => `GET /${mark} HTTPS/1.1`,
      mark => `GET /${mark}`,
    ],
    REFUSED,
  ),
  ...byRequestLine(
    "other methods",
    ["CONNECT", "TRACE", "get", "G\x00T", "GET\t"].map(method => mark => `${method} /${mark} HTTP/1.1`),
    REFUSED,
  ),
  ...byRequestLine("CONNECT", [() => `CONNECT ${HOST}:443 HTTP/1.1`, () => "CONNECT 127.0.0.1:1 HTTP/1.1"], REFUSED),
  ...HEALTH_TARGETS.map(
    (target): Shape => ({
      group: "targets like a health check",
      name: show(target),
      write: mark => head(`GET ${withMark(target, mark(0))} HTTP/1.1`, `Host: ${HOST}`),
      ...(isHealth(target) ? HEALTH : ADMITTED),
    }),
  ),
  ...["POST", "PUT", "OPTIONS", "DELETE", "PROPFIND"].map(
    (method): Shape => ({
      group: "targets like a health check",
      name: `${method} /health/check, X-HTTP-Method-Override: GET`,
      write: mark => head(`${method} ${atHealth(mark(0))} HTTP/1.1`, `Host: ${HOST}`, "X-HTTP-Method-Override: GET"),
      ...ADMITTED,
    }),
  ),
  ...BROKEN_TARGETS.map(
    (target): Shape => ({
      group: "targets that are none",
      name: show(target),
      write: mark => head(`GET ${withMark(target, mark(0))} HTTP/1.1`, `Host: ${HOST}`),
      ...REFUSED,
    }),
  ),
  ...byFraming("bodies with another request inside", SOUND_FRAMINGS, ADMITTED),
  ...byFraming("bodies whose end is in doubt", BROKEN_FRAMINGS, REFUSED),
  ...SOUND_FRAMINGS.map(
    (write): Shape => ({
      group: "health checks with a body",
      name: show(write("<hidden>").lines.join(" | ")),
      write: mark => {
        const { lines, body } = write(hide(mark(1)));
        return head(`GET ${atHealth(mark(0))} HTTP/1.1`, `Host: ${HOST}`, ...lines) + body;
      },
      ...HEALTH,
    }),
  ),
];
