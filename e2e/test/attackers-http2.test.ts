import { mkdtempSync, rmSync } from "node:fs";
import type { ClientHttp2Session } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linkAddress, writeProxyHeader } from "@linkgate/njs/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { createCertificates } from "../../sandbox/src/certificates.ts";
import { type Field, PREFACE, sendFrames, writeEndlessHead, writeRequestFrames } from "../attackers/http2-frames.ts";
import { RESERVED_HEADERS, SPOOFED_HEADERS } from "../attackers/vocabulary.ts";
import { type GateUnderTest, gates, RecordingUpstream, startGate, TestFeed, until, ZONE } from "../gates/index.ts";
import { askHttp2, openTls, speakHttp2 } from "../gates/secure-client.ts";

// Attackers by HTTP/2 over TLS. Each shape comes by contoso's own link, and by fabrikam's, for contoso's host.

const LINK = 822088585;
const OTHER_LINK = 17;
const HOST = `contoso.${ZONE.private}`;
const OTHER_HOST = `fabrikam.${ZONE.private}`;
const byLink = (linkId: number) => writeProxyHeader({ source: linkAddress(linkId, "10.1.1.4") });

/** What becomes of a shape that comes by contoso's link: `one` is forwarded as contoso's, or refused. */
type Outcome = "admitted" | "one" | "refused";
interface Shape {
  readonly name: string;
  readonly outcome: Outcome;
  readonly bytes: Buffer;
  /** The gate whose proxy makes sense of it where RFC 9113 would have it refused: it is forwarded clean, as contoso's. */
  readonly mendedBy?: string;
}

const METHOD: Field = [":method", "GET"];
const SCHEME: Field = [":scheme", "https"];
const AUTHORITY: Field = [":authority", HOST];
const PATH: Field = [":path", "/Patient"];
const SOUND: readonly Field[] = [METHOD, SCHEME, AUTHORITY, PATH];

const shape = (
  name: string,
  outcome: Outcome,
  fields: readonly Field[],
  body?: string,
  trailers?: readonly Field[],
): Shape => ({
  name,
  outcome,
  bytes: writeRequestFrames(fields, body, trailers),
});
/** Sound but for these fields more. */
const plus = (outcome: Outcome, ...more: Field[]) =>
  shape(more.map(([name, value]) => JSON.stringify(`${name}: ${value.slice(0, 60)}`)).join(), outcome, [
    ...SOUND,
    ...more,
  ]);
/** Sound but for one pseudo-header, which has another value or is left out. */
const instead = (outcome: Outcome, name: string, value: string | null) =>
  shape(
    `${name} ${value === null ? "left out" : JSON.stringify(value)}`,
    outcome,
    SOUND.flatMap((field): Field[] => (field[0] !== name ? [field] : value === null ? [] : [[name, value]])),
  );

const mendedBy = (gate: string, mended: Shape): Shape => ({ ...mended, mendedBy: gate });

/** Header lines of HTTP/1.1 as fields; a line without a colon is none. */
const fieldsOf = (lines: readonly string[]) =>
  lines
    .map(line =>
      line
        .split("\r\n")
        .map((each): Field => [each.split(":")[0]?.toLowerCase() ?? "", each.slice(each.indexOf(":") + 1).trim()]),
    )
    .filter(fields => fields.every(([name]) => /^[a-z0-9_.-]+$/.test(name)));

const MANY = 20_000;
/** Seconds: so short that a test can wait it out. */
const QUARANTINE_S = 1;
const SHAPES: readonly Shape[] = [
  shape("a sound request", "admitted", SOUND),
  plus("one", ["host", OTHER_HOST]),
  plus("one", ["host", HOST]),
  plus("one", ["host", HOST], ["host", OTHER_HOST]),
  plus("one", ["host", ""]),
  plus("refused", [":authority", OTHER_HOST]),
  instead("refused", ":authority", null),
  shape("Host without :authority", "one", [METHOD, SCHEME, PATH, ["host", HOST]]),
  ...[
    "",
    `user@${HOST}`,
    `${HOST},${OTHER_HOST}`,
    `${HOST} ${OTHER_HOST}`,
    `${HOST}/${OTHER_HOST}`,
    `${HOST}\0`,
    `${HOST}:99999`,
    OTHER_HOST,
  ].map(value => instead("refused", ":authority", value)),
  ...["", "*", "Patient", `https://${OTHER_HOST}/Patient`, "/a b", "/a\tb", "/a\r\nx-private-link-id: 1", "/a\0"].map(
    value => instead("refused", ":path", value),
  ),
  instead("one", ":path", "/\xe4"),
  plus("refused", [":path", "/other"]),
  instead("refused", ":path", null),
  ...["CONNECT", "TRACE", "G T", ""].map(value => instead("refused", ":method", value)),
  mendedBy("envoy", instead("refused", ":method", "get")),
  plus("refused", [":method", "POST"]),
  instead("refused", ":method", null),
  ...["http", "ftp", ""].map(value => instead("one", ":scheme", value)),
  shape("CONNECT as it is due", "refused", [
    [":method", "CONNECT"],
    [":authority", `${HOST}:443`],
  ]),
  shape("an extended CONNECT", "refused", [...SOUND.slice(1), [":method", "CONNECT"], [":protocol", "websocket"]]),
  plus("refused", [":status", "200"]),
  plus("refused", [":unknown", "1"]),
  mendedBy("nginx", shape("a pseudo-header behind a header", "refused", [METHOD, SCHEME, AUTHORITY, ["x", "1"], PATH])),
  // RFC 9113 8.2.2
  ...["close", "keep-alive", "x-private-link-id", "upgrade"].map(value =>
    mendedBy("nginx", plus("refused", ["connection", value])),
  ),
  plus("refused", ["upgrade", "websocket"]),
  mendedBy("nginx", plus("refused", ["keep-alive", "timeout=5"])),
  mendedBy("nginx", plus("refused", ["transfer-encoding", "chunked"])),
  mendedBy("nginx", plus("refused", ["proxy-connection", "close"])),
  plus("one", ["te", "trailers"]),
  plus("one", ["te", "gzip"]),
  // RFC 9113 8.2.1
  ...[
    "X-Private-Link-Id",
    "x-private-link-id ",
    " x-private-link-id",
    "x-private-link-id:",
    "x-private\0-link-id",
    "",
    "x\r\nx-private-link-id",
  ].map(name => plus("refused", [name, "1"])),
  ...["1\r\nx-private-link-id: 1", "1\n2", "1\r2", "1\0"].map(value => plus("refused", ["x", value])),
  ...fieldsOf(RESERVED_HEADERS).map(fields => plus("one", ...fields)),
  ...fieldsOf(SPOOFED_HEADERS)
    .filter(fields => !fields.some(([name]) => ["connection", "upgrade"].includes(name)))
    .map(fields => plus("one", ...fields)),
  shape("trailers that are ours", "one", [METHOD, SCHEME, AUTHORITY, PATH], "x", [["x-private-link-id", "1"]]),
  shape("trailers with a pseudo-header", "refused", SOUND, "x", [[":path", "/other"]]),
  shape(
    "more body than content-length",
    "refused",
    [...SOUND, ["content-length", "1"]],
    `x${"GET /hidden HTTP/1.1\r\n\r\n"}`,
  ),
  shape("less body than content-length", "refused", [...SOUND, ["content-length", "500"]], "x"),
  shape("a body like a request", "admitted", SOUND, `GET /hidden HTTP/1.1\r\nHost: ${OTHER_HOST}\r\n\r\n`),
  shape(`${MANY} headers`, "refused", [...SOUND, ...Array.from({ length: MANY }, (_, at): Field => [`x-${at}`, "1"])]),
  shape("a header of 1 MB", "refused", [...SOUND, ["x", "a".repeat(1_000_000)]]),
  { name: "a head without end", outcome: "refused", bytes: writeEndlessHead(SOUND, MANY) },
];

describe.each(gates)("attackers of $name by HTTP/2", kind => {
  let folder: string;
  let ca: string;
  let feed: TestFeed;
  let upstream: RecordingUpstream;
  let gate: GateUnderTest;
  const open: { destroy(): unknown }[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "lg-tls-"));
    feed = await TestFeed.start();
    upstream = new RecordingUpstream();
    await upstream.serve(["contoso", "fabrikam"]);
    gate = await start(3600);
  });
  beforeEach(() => {
    onTestFailed(() => console.log(gate.explain()));
    upstream.requests.length = 0;
    upstream.holdAnswer = null;
  });
  afterAll(async () => {
    for (const each of open) each.destroy();
    await gate?.stop();
    await upstream?.stop();
    await feed?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  async function start(linkQuarantine: number): Promise<GateUnderTest> {
    const certificates = await createCertificates(folder);
    ca = certificates.ca;
    const { certificateFile, keyFile } = certificates.server;
    feed.set("contoso", "disabled", [LINK]);
    feed.set("fabrikam", "disabled", [OTHER_LINK]);
    const tls = { certFile: certificateFile, keyFile };
    const settings = { feedUrl: feed.url, feedToken: feed.token, upstreamDir: upstream.dir };
    return startGate(kind, { ...settings, tls, linkQuarantine });
  }

  async function attack(bytes: Buffer, linkId: number): Promise<void> {
    const tls = await openTls(gate.endpoints.proxy, ca, ["h2"], byLink(linkId));
    await sendFrames(tls, Buffer.concat([PREFACE, bytes]));
  }

  async function connect(linkId: number, at = gate, servername?: string): Promise<ClientHttp2Session> {
    const session = speakHttp2(await openTls(at.endpoints.proxy, ca, ["h2"], byLink(linkId), servername));
    open.push(session);
    return session;
  }

  const headersOf = (path: string, host = HOST) => ({ ":scheme": "https", ":authority": host, ":path": path });

  /** What a service got must be contoso's, and whole. */
  function expectOwn(): void {
    expect(upstream.problems).toEqual([]);
    for (const { account, headers, target } of upstream.requests) {
      const valuesOf = (wanted: string) =>
        headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
      expect(account).toBe("contoso");
      expect(target).not.toContain("hidden");
      expect(valuesOf("host")).toEqual([HOST]);
      expect(valuesOf("x-forwarded-host")).toEqual([HOST]);
      expect(valuesOf("x-forwarded-for")).toEqual([linkAddress(LINK, "10.1.1.4")]);
      expect(
        headers
          .map(([name]) => name.toLowerCase().replaceAll("_", "-"))
          .filter(name => name.startsWith("x-private-link")),
      ).toEqual(["x-private-link-id", "x-private-link-client"]);
      expect(valuesOf("x-private-link-id")).toEqual([String(LINK)]);
      for (const name of ["connection", "upgrade", "te", "keep-alive", "forwarded"]) expect(valuesOf(name)).toEqual([]);
    }
  }

  test.for(SHAPES)("$name: $outcome", async ({ bytes, outcome, mendedBy: gateName }) => {
    await attack(bytes, OTHER_LINK);
    expect(upstream.requests.filter(({ account }) => account === "contoso")).toEqual([]);
    upstream.requests.length = 0;
    await attack(bytes, LINK);
    expectOwn();
    const { length } = upstream.requests;
    if (outcome === "admitted") expect(length).toBe(1);
    else expect(length).toBeLessThanOrEqual(outcome === "one" || gateName === kind.name ? 1 : 0);
  });

  test("the gate lives after all of that", async () => {
    expect((await askHttp2(await connect(LINK), headersOf("/Patient/after"))).status).toBe(200);
  });

  test("the name that the client asks for by SNI is no input", async () => {
    for (const name of [HOST, OTHER_HOST, "somebody.example"]) {
      const own = await connect(LINK, gate, name);
      expect((await askHttp2(own, headersOf("/sni"))).status).toBe(200);
      expect((await askHttp2(own, headersOf("/sni", OTHER_HOST))).status).toBe(403);
    }
  });

  test("streams of one connection: what is revoked in between is denied, and what runs ends on its own", async () => {
    const { session, running, release } = await openHeld(gate);
    feed.set("contoso", "disabled", []);
    await feed.acknowledged();
    const statuses = await Promise.all(
      Array.from({ length: 20 }, (_, at) => askHttp2(session, headersOf(`/late/${at}`))),
    );
    expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set([403]));
    release();
    expect((await running)?.status).toBe(200);
    feed.set("contoso", "disabled", [LINK]);
    await feed.acknowledged();
  });

  /** A connection with a stream that its service holds: opened anew, should it not be admitted while it is young enough. */
  async function openHeld(at: GateUnderTest) {
    for (;;) {
      const { promise: held, resolve: release } = Promise.withResolvers<void>();
      upstream.holdAnswer = ({ target }) => (target === "/held" ? held : Promise.resolve());
      upstream.requests.length = 0;
      const session = await connect(LINK, at);
      const opened = performance.now(); // later than the gate has it
      let hasEnded = false;
      const running = askHttp2(session, headersOf("/held"))
        .catch(() => null)
        .finally(() => {
          hasEnded = true;
        });
      await until(
        () => hasEnded || upstream.requests.length > 0,
        () => "the first stream has neither come nor ended",
      );
      if (!hasEnded) return { session, opened, running, release };
    }
  }

  test("a connection from before the link changed hands brings nobody in, though a stream keeps it open (rule 28)", async () => {
    const short = await start(QUARANTINE_S);
    try {
      const { session, opened, running, release } = await openHeld(short);
      while (performance.now() - opened <= 1000 * QUARANTINE_S) {
        await askHttp2(session, headersOf("/again")).catch(() => null);
        await new Promise(setImmediate); // a connection that has ended says so at once
      }
      const late = await askHttp2(session, headersOf("/late")).catch(() => null);
      expect(late?.status).not.toBe(200);
      expect(upstream.requests.map(({ target }) => target)).not.toContain("/late");
      release();
      await running;
    } finally {
      await short.stop();
    }
  });
});
