import { copyFileSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import type { ClientHttp2Session } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { exchange, linkAddress, type Peer, RawConnection, writeProxyHeader, writeRequest } from "@linkgate/njs/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { createCertificates, type Identity } from "../../sandbox/src/certificates.ts";
import { envoy } from "../gates/envoy.ts";
import { type GateUnderTest, RecordingUpstream, startGate, TestFeed, until, ZONE } from "../gates/index.ts";
import { askHttp2, openTls, speakHttp2 } from "../gates/secure-client.ts";

// The gate on Envoy with a certificate: HTTP/2 and HTTP/1.1 over TLS are judged as clear text is.

const LINK = 822088585;
const HOST = `contoso.${ZONE.private}`;
const ADMITTED = writeProxyHeader({ source: linkAddress(LINK, "10.1.1.4") });
const STRANGER = writeProxyHeader({ source: linkAddress(LINK + 1, "10.1.1.4") });

let folder: string;
let first: { ca: string; server: Identity };
let second: { ca: string; server: Identity };
let feed: TestFeed;
let upstream: RecordingUpstream;
let gate: GateUnderTest;
const open: { destroy(): unknown }[] = [];

/** Moves a certificate into its place, as a renewal does. */
function install(identity: Identity): void {
  for (const [from, name] of [
    [identity.keyFile, "tls.key"],
    [identity.certificateFile, "tls.crt"],
  ] as const) {
    copyFileSync(from, join(folder, `${name}.new`));
    renameSync(join(folder, `${name}.new`), join(folder, name));
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "lg-tls-"));
  first = await createCertificates(join(folder, "first"));
  second = await createCertificates(join(folder, "second"));
  install(first.server);
  feed = await TestFeed.start();
  feed.set("contoso", "disabled", [LINK]);
  feed.set("fabrikam", "enabled", []);
  upstream = new RecordingUpstream();
  await upstream.serve(["contoso", "fabrikam"]);
  gate = await startGate(envoy, {
    feedUrl: feed.url,
    feedToken: feed.token,
    upstreamDir: upstream.dir,
    linkQuarantine: 3600,
    tls: { certFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") },
  });
});
beforeEach(() => onTestFailed(() => console.log(gate.explain())));
afterAll(async () => {
  for (const each of open) each.destroy();
  await gate?.stop();
  await upstream?.stop();
  await feed?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

async function openHttp2(peer: Peer, header?: Uint8Array, ca = first.ca): Promise<ClientHttp2Session> {
  const tls = await openTls(peer, ca, ["h2"], header);
  expect(tls.alpnProtocol).toBe("h2");
  const session = speakHttp2(tls);
  open.push(session);
  return session;
}

function headersOf(target: string, more: Record<string, string> = {}): Record<string, string> {
  return { ":method": "GET", ":scheme": "https", ":authority": HOST, ":path": target, ...more };
}

describe("HTTP/2", () => {
  test("a link is admitted, and another's is not, on the listener of the load balancer", async () => {
    const admitted = await openHttp2(gate.endpoints.proxy, ADMITTED);
    expect(await askHttp2(admitted, headersOf("/Patient/h2-allow"))).toMatchObject({ status: 200, body: "contoso\n" });
    expect(await gate.waitForLog(line => line.request_uri === "/Patient/h2-allow")).toMatchObject({
      verdict: "allow",
      reason: "private-link",
      account: "contoso",
      client: `10.1.1.4:${LINK}`,
    });
    const stranger = await openHttp2(gate.endpoints.proxy, STRANGER);
    const answer = await askHttp2(stranger, headersOf("/Patient/h2-deny"));
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ resourceType: "OperationOutcome" });
    expect(await gate.waitForLog(line => line.request_uri === "/Patient/h2-deny")).toMatchObject({
      verdict: "deny",
      reason: "link-id-mismatch",
    });
  });

  test("the direct and the public listener judge it by the connection's own address", async () => {
    for (const listener of ["direct", "public"] as const) {
      const session = await openHttp2(gate.endpoints[listener]);
      const admitted = headersOf("/", { ":authority": `fabrikam.${ZONE.public}` });
      expect(await askHttp2(session, admitted)).toMatchObject({ status: 200, body: "fabrikam\n" });
      expect((await askHttp2(session, headersOf("/"))).status).toBe(403);
    }
  });

  test("each stream of a connection is judged by itself", async () => {
    const session = await openHttp2(gate.endpoints.proxy, ADMITTED);
    const hosts = [HOST, `fabrikam.${ZONE.private}`, "example.com"];
    const streams = Array.from({ length: 60 }, (_, at) =>
      askHttp2(session, headersOf(`/Patient/${at}`, { ":authority": hosts[at % 3] ?? "" })),
    );
    const statuses = (await Promise.all(streams)).map(answer => answer.status);
    expect(statuses).toEqual(Array.from({ length: 60 }, (_, at) => (at % 3 === 0 ? 200 : 403)));
  });

  test("a Host header beside :authority chooses nothing: one host decides, is forwarded and routes", async () => {
    const session = await openHttp2(gate.endpoints.proxy, ADMITTED);
    const forged = await askHttp2(session, headersOf("/forged", { ":authority": "fabrikam.example", host: HOST }));
    expect(forged.status).toBe(403);
    const target = "/Patient/two-hosts";
    await askHttp2(session, headersOf(target, { host: `fabrikam.${ZONE.private}` })).catch(() => null);
    const seen = upstream.requests.find(request => request.target === target);
    if (seen !== undefined) {
      expect(seen.account).toBe("contoso");
      expect(seen.headers.filter(([name]) => name.toLowerCase() === "host")).toEqual([["host", HOST]]);
    }
    expect((await gate.waitForLog(line => line.request_uri === target)).account).toBe("contoso");
  });

  test("nothing that a client writes about itself gets through", async () => {
    const session = await openHttp2(gate.endpoints.proxy, ADMITTED);
    const forged = {
      "x-private-link-id": "1",
      "x-private-link-client": "10.9.9.9:1",
      "x-private-link-anything": "1",
      "x-forwarded-for": linkAddress(1, "10.9.9.9"),
      "x-forwarded-host": "example.com",
      "x-forwarded-proto": "http",
      "x-envoy-original-path": "/x",
      forwarded: "for=10.9.9.9",
    };
    expect((await askHttp2(session, headersOf("/Patient/forged", forged))).status).toBe(200);
    const seen = upstream.requests.find(request => request.target === "/Patient/forged");
    const names = new Map(seen?.headers.map(([name, value]) => [name.toLowerCase(), value]));
    expect(names.get("x-private-link-id")).toBe(String(LINK));
    expect(names.get("x-private-link-client")).toBe(`10.1.1.4:${LINK}`);
    expect(names.get("x-private-link-anything")).toBeUndefined();
    expect(names.get("x-forwarded-for")).toBe(linkAddress(LINK, "10.1.1.4"));
    expect(names.get("x-forwarded-host")).toBe(HOST);
    expect(names.get("x-forwarded-proto")).toBe("https");
    expect(names.get("forwarded")).toBeUndefined();
  });

  test.for([
    ["CONNECT", { ":method": "CONNECT", ":authority": HOST }],
    [
      "an extended CONNECT to a web socket",
      { ...headersOf("/Patient/ws"), ":method": "CONNECT", ":protocol": "websocket" },
    ],
    ["a relative path", headersOf("Patient")],
    ["an empty authority", headersOf("/Patient", { ":authority": "" })],
    ["an escaped slash", headersOf("/Patient%2f..%2fx")],
  ] as const)("%s gets nowhere", async ([, headers]) => {
    const session = await openHttp2(gate.endpoints.proxy, ADMITTED);
    const before = upstream.requests.length;
    const status = await askHttp2(session, headers).then(
      answer => answer.status,
      () => 0, // reset: as good
    );
    expect(status === 0 || status >= 400).toBe(true);
    // What got anywhere would have come before this one.
    const next = await openHttp2(gate.endpoints.proxy, ADMITTED);
    expect((await askHttp2(next, headersOf("/Patient/next"))).status).toBe(200);
    expect(upstream.requests.slice(before).map(({ target }) => target)).toEqual(["/Patient/next"]);
  });
});

describe("HTTP/1.1 over TLS", () => {
  test("it is spoken with who does not offer HTTP/2", async () => {
    for (const protocols of [["http/1.1"], []]) {
      const tls: TLSSocket = await openTls(gate.endpoints.proxy, first.ca, protocols, ADMITTED);
      open.push(tls);
      const answer = new Promise<string>(resolve => tls.once("data", data => resolve(data.toString("latin1"))));
      tls.write(writeRequest({ host: HOST, target: "/Patient" }));
      expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
    }
  });

  test("clear text is no way in", async () => {
    const before = upstream.requests.length;
    for (const bytes of [
      writeRequest({ host: HOST }),
      Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1"),
    ])
      await expect(exchange(gate.endpoints.proxy, bytes, ADMITTED)).rejects.toThrow();
    expect(upstream.requests.length).toBe(before);
  });

  test("a PROXY header inside TLS is no PROXY header", async () => {
    const tls = await openTls(gate.endpoints.direct, first.ca, ["http/1.1"]);
    open.push(tls);
    const answer = new Promise<string>(resolve => tls.once("data", data => resolve(data.toString("latin1"))));
    tls.write(Buffer.concat([ADMITTED, writeRequest({ host: HOST })]));
    expect(await answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe("the certificate", () => {
  test("a renewed one is served without a restart, and who is connected stays", async () => {
    const session = await openHttp2(gate.endpoints.proxy, ADMITTED);
    const { incarnation } = await gate.readState();
    install(second.server);
    await until(
      () =>
        openTls(gate.endpoints.proxy, second.ca, ["h2"], ADMITTED).then(
          tls => tls.destroy(),
          () => false,
        ),
      () => "the old certificate is still served",
    );
    expect((await askHttp2(session, headersOf("/Patient"))).status).toBe(200);
    const renewed = await openHttp2(gate.endpoints.proxy, ADMITTED, second.ca);
    expect((await askHttp2(renewed, headersOf("/Patient"))).status).toBe(200);
    expect((await gate.readState()).incarnation).toBe(incarnation);
  });

  test("one that can't be used with its key stops the start, and says so", async () => {
    const other = await envoy.create({
      feedUrl: feed.url,
      feedToken: feed.token,
      upstreamDir: upstream.dir,
      tls: { certFile: first.server.certificateFile, keyFile: second.server.keyFile },
    });
    try {
      await expect(other.launch()).rejects.toThrow(/can't be used/);
    } finally {
      await other.stop();
    }
  });
});

test("without a certificate nobody speaks HTTP/2, nor TLS", async () => {
  const plain = await startGate(envoy, { feedUrl: feed.url, feedToken: feed.token, upstreamDir: upstream.dir });
  try {
    const connection = await RawConnection.open(plain.endpoints.proxy, ADMITTED);
    connection.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    expect((await connection.readToEnd()).toString("latin1")).toMatch(/^HTTP\/1\.1 400 |^$/);
    await expect(openTls(plain.endpoints.proxy, first.ca, ["h2"], ADMITTED)).rejects.toThrow();
  } finally {
    await plain.stop();
  }
});
