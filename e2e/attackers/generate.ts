import { parseAddress } from "@linkgate/njs/testing";
import { ZONE } from "../gates/index.ts";
import { BROKEN_PREFACES, generateSoundPreface, writeForgedPreface } from "./proxy-prefaces.ts";
import { Random } from "./random.ts";
import type { Attack } from "./reference.ts";
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

/** A listener, and an address that connections to it can come from. */
export interface Way {
  readonly listener: Attack["listener"];
  readonly localAddress: string;
  readonly isBalancer: boolean;
}

/** A connection to make: what it sends, and in what pieces. */
export interface Plan extends Attack {
  /** Marks its requests; see {@link markOf}. */
  readonly index: number;
  readonly way: Way;
  /** Byte positions between which each piece is sent on its own. */
  readonly cuts: readonly number[];
  /** How many requests it brings, those that hide in others left out. */
  readonly count: number;
}

/** Stands in the target of a request, so that it is known wherever it turns up: `~plan.number~`. */
export function markOf(text: string): string | undefined {
  return /~\d+\.\d+~/.exec(text)?.[0];
}

/** The plan that a mark belongs to. */
export function planOf(mark: string): number {
  return Number.parseInt(mark.slice(1), 10);
}

/** Makes a plan of bytes that are there already. */
export function makePlan(index: number, way: Way, bytes: Buffer, cuts: readonly number[] = [], count = 1): Plan {
  const { listener, isBalancer, localAddress } = way;
  return { index, way, listener, isBalancer, peer: parseAddress(localAddress), bytes, cuts, count };
}

/**
 * The plan of this number under this seed: always the same.
 * @param ways in a fixed order; one that this machine does not have is undefined, and the first is taken instead
 */
export function generatePlan(seed: number, index: number, ways: readonly [Way, ...(Way | undefined)[]]): Plan {
  const random = new Random(seed, index);
  const way = ways[random.below(ways.length)] ?? ways[0];
  const author = new Author(random, index);
  const preface = generatePreface(random, way);
  const requests: string[] = [];
  const sound = 1 + random.below(24);
  for (let number = 0; number < sound; number++) requests.push(author.writeSound());
  if (random.chance(75)) {
    // Whatever the proxy takes the broken one for, these two come behind it.
    requests.push(author.writeBroken(), author.writeTempting(), author.writeTempting());
  }
  const bytes = Buffer.concat([preface, Buffer.from(requests.join(""), "latin1")]);
  const cuts = random.chance(50) ? [preface.length] : [];
  if (random.chance(30)) cuts.push(preface.length + random.below(bytes.length - preface.length));
  if (random.chance(30)) cuts.push(preface.length + random.below(bytes.length - preface.length));
  return makePlan(
    index,
    way,
    bytes,
    [...new Set(cuts)].sort((a, b) => a - b),
    requests.length,
  );
}

function generatePreface(random: Random, way: Way): Buffer {
  if (way.listener !== "proxy") return random.chance(4) ? writeForgedPreface(random) : Buffer.alloc(0);
  const header = generateSoundPreface(random);
  return random.chance(90) ? header : (random.pick(BROKEN_PREFACES)(header) ?? Buffer.alloc(0));
}

type Parts = {
  prefix: string;
  method: string;
  target: string;
  version: string;
  lines: string[];
  body: string;
  /** Ends each line of the head. */
  eol: string;
  /** Parts the request line. */
  gap: string;
};

/** Writes the requests of one connection. */
class Author {
  readonly #random: Random;
  readonly #index: number;
  #count = 0;

  constructor(random: Random, index: number) {
    this.#random = random;
    this.#index = index;
  }

  /** What every attacker wants: a request to a tenant that it may not reach. */
  writeTempting(): string {
    const host = `${this.#random.pick(["contoso", "fabrikam"])}.${this.#random.pick([ZONE.private, ZONE.public])}`;
    return `GET /tempting/${this.#mark()} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  }

  writeSound(): string {
    return compose(this.#draftSound());
  }

  /** A request with one part in it that two readers might take differently. */
  writeBroken(): string {
    const parts = this.#draftSound();
    const random = this.#random;
    switch (random.below(9)) {
      case 0:
      case 1: {
        const { lines, body } = random.pick(BROKEN_FRAMINGS)(this.writeTempting());
        parts.lines = [
          ...parts.lines.filter(line => !/^(content-length|transfer-encoding|trailer):/i.test(line)),
          ...lines,
        ];
        parts.body = body;
        break;
      }
      case 2:
      case 3:
        parts.lines.splice(random.below(parts.lines.length + 1), 0, random.pick(BROKEN_LINES));
        break;
      case 4:
        this.#breakTarget(parts);
        break;
      case 5:
        parts.method = random.pick(["CONNECT", "TRACE", "get", "GeT", "G\x00T", "GET\t", "", "GET/", "G@T", "PROXY"]);
        break;
      case 6:
        parts.version = random.pick([
          "HTTP/2.0",
          "HTTP/0.9",
          "HTTP/1.",
          "HTTP/1",
          "HTTP/11",
          "HTTP/1.1 x",
          "HTTP/1.1\t",
          "http/1.1",
          "HTTP/1.10",
          "HTTP/1.2",
          "HTTP/ 1.1",
          "HTTPS/1.1",
          "",
        ]);
        break;
      case 7:
        parts.lines[0] = `Host: ${random.pick(BROKEN_HOSTS)(`contoso.${ZONE.private}`)}`;
        break;
      default:
        this.#breakHead(parts);
    }
    return compose(parts);
  }

  #draftSound(): Parts {
    const random = this.#random;
    const host = this.#writeHost();
    const parts: Parts = {
      prefix: random.chance(3) ? random.pick(["\r\n", "\n", "\r\n\r\n"]) : "",
      method: random.pick(["GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]),
      target: `/Patient/${this.#mark()}`,
      version: "HTTP/1.1",
      lines: [`Host: ${host}`],
      body: "",
      eol: random.chance(3) ? "\n" : "\r\n",
      gap: random.chance(2) ? "  " : " ",
    };
    if (random.chance(20)) parts.target = `/Patient?_id=${this.#mark()}&name=%C3%A4%20`;
    if (random.chance(5)) parts.target = `http://${host.trim()}/Patient/${this.#mark()}`;
    if (random.chance(20)) this.#approachHealth(parts);
    if (random.chance(2)) parts.lines.push("Connection: keep-alive, x-private-link-client");
    if (random.chance(2)) {
      parts.version = "HTTP/1.0";
      parts.lines.push("Connection: keep-alive");
    }
    while (random.chance(25)) parts.lines.push(random.pick(SPOOFED_HEADERS));
    while (random.chance(8)) parts.lines.push(random.pick(RESERVED_HEADERS));
    if (random.chance(20)) {
      const { lines, body } = random.pick(SOUND_FRAMINGS)(this.writeTempting());
      if (parts.version === "HTTP/1.1" || body === "") {
        parts.lines.push(...lines);
        parts.body = body;
      }
    }
    return parts;
  }

  #writeHost(): string {
    const random = this.#random;
    const account = random.pick([
      ...["contoso", "contoso", "contoso", "contoso", "contoso", "contoso", "contoso", "contoso"],
      ...["fabrikam", "fabrikam", "fabrikam", "fabrikam", "fabrikam"],
      ...["northwind", "tailspin", "litware", "gone"],
    ]);
    const host = `${account}.${random.chance(55) ? ZONE.private : ZONE.public}`;
    if (random.chance(12)) return random.pick(SOUND_HOSTS)(host);
    return random.chance(5) ? random.pick(OTHER_HOSTS)(host) : host;
  }

  /** A query is no part of the path: it carries the mark without changing what the target means. */
  #approachHealth(parts: Parts): void {
    const target = this.#random.chance(40) ? "/health/check" : this.#random.pick(HEALTH_TARGETS);
    parts.target = `${target}${target.includes("?") ? "" : "?"}${this.#mark()}`;
    if (this.#random.chance(60)) parts.method = this.#random.pick(["GET", "HEAD"]);
  }

  #breakTarget(parts: Parts): void {
    const victim = `contoso.${ZONE.private}`;
    const host = parts.lines[0]?.slice("Host: ".length).trim() ?? "";
    const path = `/absolute/${this.#mark()}`;
    parts.target = this.#random.pick([
      `http://${victim}${path}`,
      `https://${victim}:443${path}`,
      `HTTP://${victim.toUpperCase()}${path}`,
      `http://user@${victim}${path}`,
      `http://${host}@${victim}${path}`,
      `http://${victim}@${host}${path}`,
      `http://${victim}:abc${path}`,
      `http://${victim}\\${path}`,
      `http://${victim}?${path}`,
      `http://${victim}#${path}`,
      `http://${path}`,
      `http:///${victim}${path}`,
      `http:${path}`,
      `ftp://${victim}${path}`,
      `//${victim}${path}`,
      `/\\${victim}${path}`,
      `${victim}:443`,
      `${victim}${path}`,
      `*`,
      `*${path}`,
      `/a b${path}`,
      `/a\tb${path}`,
      `/a\x00b${path}`,
      `/a\x7fb${path}`,
      `/a%zz${path}`,
      `/../..${path}`,
      `/${"a".repeat(9000)}${path}`,
      `http://[${victim}]${path}`,
      `http://[::1${path}`,
      `http://${victim}%00${path}`,
      ...BROKEN_TARGETS.map(target => `${target}?${this.#mark()}`),
    ]);
    if (this.#random.chance(30)) parts.lines.shift();
  }

  #breakHead(parts: Parts): void {
    const random = this.#random;
    switch (random.below(7)) {
      case 0:
        parts.lines.shift(); // no Host
        break;
      case 1:
        parts.lines.shift();
        parts.version = "HTTP/1.0";
        break;
      case 2:
        parts.eol = random.pick(["\r", "\n\r", "\r\r\n", "\x0b\r\n", "\0\r\n"]);
        break;
      case 3:
        parts.gap = random.pick(["\t", "", " \t ", "\x0b", "\r "]);
        break;
      case 4:
        parts.prefix = random.pick([
          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
          "\r",
          " ",
          "\0",
          "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
          "x",
        ]);
        break;
      case 5:
        parts.lines.push(`X-Long: ${"a".repeat(40_000)}`);
        break;
      default:
        // The same name twice, whose other copy differs, on either side.
        parts.lines[random.chance(50) ? "push" : "unshift"](`Host: ${this.#writeHost()}`);
    }
  }

  #mark(): string {
    return `~${this.#index}.${this.#count++}~`;
  }
}

function compose({ prefix, method, target, version, lines, body, eol, gap }: Parts): string {
  const requestLine = version === "" ? `${method}${gap}${target}` : `${method}${gap}${target}${gap}${version}`;
  return `${prefix}${[requestLine, ...lines.map(line => line.replaceAll("\r\n", eol))].join(eol)}${eol}${eol}${body}`;
}
