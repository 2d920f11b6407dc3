import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { exchange, linkAddress, linkTlv, type Peer, RawConnection, writeRequest } from "@linkgate/njs/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { createCertificates } from "../../sandbox/src/certificates.ts";
import { Haproxy, type Rules, whyNoHaproxy } from "../gates/haproxy.ts";
import { type GateUnderTest, gates, RecordingUpstream, startGate, TestFeed, ZONE } from "../gates/index.ts";

// PROXY headers by a load balancer that nobody here wrote: HAProxy, which takes the link id from its configuration.

const LINK = 822088585;
const OTHER_LINK = 17;
const HOST = `contoso.${ZONE.private}`;
const OTHER_HOST = `fabrikam.${ZONE.private}`;

const hexOf = (linkId: number) => Buffer.from(linkTlv(linkId).value).toString("hex");
const server = (tlv: string) => [`server gate GATE send-proxy-v2 set-proxy-v2-tlv-fmt(0xEE) ${tlv}`];

const RULES: Rules = {
  right: server(`%{+bin}o%[bin(${hexOf(LINK)})]`),
  wrong: server(`%{+bin}o%[bin(${hexOf(OTHER_LINK)})]`),
  // Text ends at its first zero byte, which this link id has in its fourth.
  cut: server(`%[bin(${hexOf(LINK)})]`),
  none: ["server gate GATE send-proxy-v2"],
  "text-header": ["server gate GATE send-proxy"],
  "link-address": [
    `tcp-request connection set-src str(${linkAddress(LINK, "10.1.1.4")})`,
    ...server(`%{+bin}o%[bin(${hexOf(LINK)})]`),
  ],
  "other-address": [
    `tcp-request connection set-src str(${linkAddress(OTHER_LINK, "10.1.1.4")})`,
    ...server(`%{+bin}o%[bin(${hexOf(LINK)})]`),
  ],
};

describe.skipIf(whyNoHaproxy !== null).each(gates)(
  `HAProxy in front of $name${whyNoHaproxy ? ` (${whyNoHaproxy})` : ""}`,
  kind => {
    let feed: TestFeed;
    let upstream: RecordingUpstream;
    let gate: GateUnderTest;
    let haproxy: Haproxy;
    let count = 0;

    beforeAll(async () => {
      feed = await TestFeed.start();
      feed.set("contoso", "disabled", [LINK]);
      feed.set("fabrikam", "disabled", [OTHER_LINK]);
      upstream = new RecordingUpstream();
      await upstream.serve(["contoso", "fabrikam"]);
      gate = await startGate(kind, settings());
      haproxy = await Haproxy.start(gate.endpoints.proxy.port, RULES);
    });
    afterAll(async () => {
      await haproxy?.stop();
      await gate?.stop();
      await upstream?.stop();
      await feed?.stop();
    });
    beforeEach(() => onTestFailed(() => console.log(gate.explain())));

    const settings = () => ({
      feedUrl: feed.url,
      feedToken: feed.token,
      upstreamDir: upstream.dir,
      linkTlv: "required" as const,
      linkQuarantine: 3600, // and no end of the wait for a head that comes in pieces
    });

    /** What the gate says of a request for contoso. */
    async function ask(rule: string, host = HOST) {
      const target = `/Patient/${++count}`;
      const { status } = await exchange(haproxy.endpoint(rule), { host, target });
      const { reason, client } = await gate.waitForLog(line => line.request_uri === target);
      return { status, reason, client };
    }

    test("the right link id is admitted, with the address that HAProxy saw", async () => {
      expect(await ask("right")).toEqual({ status: 200, reason: "private-link", client: `127.0.0.1:${LINK}` });
      expect(upstream.requests.at(-1)?.headers).toContainEqual(["x-private-link-id", String(LINK)]);
    });

    test("another's link id is denied, and admitted to its own account", async () => {
      expect(await ask("wrong")).toMatchObject({ status: 403, reason: "link-id-mismatch" });
      expect(await ask("wrong", OTHER_HOST)).toMatchObject({ status: 200, client: `127.0.0.1:${OTHER_LINK}` });
    });

    test("a value that was cut at a zero byte is no link id", async () => {
      expect(await ask("cut")).toEqual({ status: 403, reason: "unreadable-source", client: "" });
    });

    test.for(["none", "text-header"])("%s: without a TLV, where one is required, nobody is admitted", async rule => {
      expect(await ask(rule)).toEqual({ status: 403, reason: "unreadable-source", client: "" });
    });

    test("an address of the same link is the client's; one of another link contradicts", async () => {
      expect(await ask("link-address")).toEqual({ status: 200, reason: "private-link", client: `10.1.1.4:${LINK}` });
      expect(await ask("other-address")).toMatchObject({ status: 403, reason: "conflicting-link-ids" });
    });

    test("header and payload in separate reads, and the payload in pieces", async () => {
      const connection = await RawConnection.open(haproxy.endpoint("right"));
      await ask("right"); // HAProxy has handed on the connection before this one, with its header and nothing else
      for (const byte of writeRequest({ host: HOST, target: "/Patient/pieces" })) {
        connection.send(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      expect((await connection.readResponse()).status).toBe(200);
      connection.close();
    });

    test("with TLS passed on, the TLV chosen by the name that the client asks for: it decides, the name does not", async () => {
      const folder = mkdtempSync(join(tmpdir(), "lg-tls-"));
      const { ca, server: identity } = await createCertificates(folder);
      const secure = await startGate(kind, {
        ...settings(),
        tls: { certFile: identity.certificateFile, keyFile: identity.keyFile },
      });
      const map = [HOST, OTHER_HOST]
        .map((name, at) => `${name} ${Buffer.from(linkTlv(at === 0 ? LINK : OTHER_LINK).value).toString("base64")}`)
        .join("\n");
      const balancer = await Haproxy.start(
        secure.endpoints.proxy.port,
        {
          names: [
            "tcp-request inspect-delay 60s",
            "tcp-request content set-var(sess.tlv) req.ssl_sni,lower,map(DIR/names.map) if { req.ssl_hello_type 1 }",
            "tcp-request content accept if { req.ssl_hello_type 1 }",
            ...server("%{+bin}o%[var(sess.tlv),b64dec]"),
          ],
        },
        { "names.map": `${map}\n` },
      );
      try {
        const peer = balancer.endpoint("names");
        expect(await askByTls(peer, ca, HOST, HOST)).toContain(" 200 ");
        expect(await askByTls(peer, ca, OTHER_HOST, OTHER_HOST)).toContain(" 200 ");
        // By fabrikam's link, whatever host stands in the request.
        expect(await askByTls(peer, ca, OTHER_HOST, HOST)).toContain(" 403 ");
        expect(await askByTls(peer, ca, "somebody.example", HOST)).toContain(" 403 ");
      } finally {
        await balancer.stop();
        await secure.stop();
        rmSync(folder, { recursive: true, force: true });
      }
    });
  },
);

/** @returns the status line */
async function askByTls(peer: Peer & { port: number }, ca: string, servername: string, host: string): Promise<string> {
  const socket = connectTls({
    ...peer,
    ca,
    servername,
    ALPNProtocols: ["http/1.1"],
    checkServerIdentity: () => undefined,
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("end", () => reject(new Error("the connection ended without an answer")));
    socket.once("secureConnect", () => socket.write(writeRequest({ host })));
    socket.once("data", data => {
      socket.destroy();
      resolve(data.toString("latin1").split("\r\n")[0] ?? "");
    });
  });
}
