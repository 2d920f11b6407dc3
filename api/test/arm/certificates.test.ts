import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { buildArmApp } from "../../src/arm/app.ts";
import { followCertificates, HOUR, type PublishedCertificates } from "../../src/arm/certificates.ts";
import type { OpenDatabase } from "../../src/database/open.ts";
import { startTestApi } from "../support/api.ts";
import { type Certificate, makeCertificate } from "../support/certificates.ts";
import { ArmClient } from "../support/client.ts";
import { until } from "../support/until.ts";

/** An entry as ARM publishes it (ARM RPC: authentication metadata). */
function entryOf({ cert }: Certificate, change: object = {}): object {
  const { fingerprint, raw, validFromDate, validToDate } = new X509Certificate(cert);
  return {
    thumbprint: fingerprint.replaceAll(":", ""),
    notBefore: validFromDate.toISOString(),
    notAfter: validToDate.toISOString(),
    certificate: raw.toString("base64"),
    ...change,
  };
}

let tls: Certificate;
let old: Certificate;
let next: Certificate;
let stranger: Certificate;

let metadata: Server;
let url: string;
let reply: { status: number; body: unknown; headers?: Record<string, string> };
let asked: string[];
let logged: string[];
let published: PublishedCertificates;
let app: ReturnType<typeof buildArmApp>["app"];
let armUrl: string;
let clients: ArmClient[];

beforeAll(async () => {
  [tls, old, next, stranger] = (await Promise.all(["api", "arm", "arm", "arm"].map(name => makeCertificate(name)))) as [
    Certificate,
    Certificate,
    Certificate,
    Certificate,
  ];
});

beforeEach(async () => {
  asked = [];
  logged = [];
  clients = [];
  reply = { status: 200, body: { clientCertificates: [entryOf(old)] } };
  metadata = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(reply.status, { "content-type": "application/json", ...reply.headers });
    response.end(typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body));
  }).listen(0, "127.0.0.1");
  await once(metadata, "listening");
  url = `http://127.0.0.1:${(metadata.address() as AddressInfo).port}/metadata/authentication?api-version=2015-01-01`;
  const log = pino({}, { write: line => void logged.push(line) });
  published = followCertificates({ url, log });
  await until("the first reading", async () => published.isLoaded);
  ({ app } = buildArmApp({
    database: {} as OpenDatabase,
    zones: [],
    maxConnections: 1,
    retryAfter: 1,
    customerWrites: false,
    tls,
    certificates: published,
    nrpAppIds: new Set(),
    log,
  }));
  armUrl = await app.listen({ host: "127.0.0.1", port: 0 });
});

afterEach(async () => {
  await Promise.all(clients.map(client => client.close()));
  await app.close();
  await published.stop();
  metadata.close();
  metadata.closeAllConnections();
});

/** What the listener says to a caller with that certificate: 404, because nothing is at `/nowhere`, or 403. */
async function knock(certificate: Certificate): Promise<number> {
  const client = new ArmClient(armUrl, { ca: tls.cert, certificate });
  clients.push(client);
  return (await client.get("/nowhere")).status;
}

describe("ARM's published certificates", () => {
  it("are read where ARM publishes them, and open the door to ARM alone", async () => {
    expect(asked).toEqual(["/metadata/authentication?api-version=2015-01-01"]);
    expect([await knock(old), await knock(next), await knock(stranger)]).toEqual([404, 403, 403]);
  });

  it("are both accepted while ARM exchanges one for another, and only the new one after it", async () => {
    reply.body = { clientCertificates: [entryOf(old), entryOf(next)] };
    expect(await published.refresh()).toBe(true);
    expect([await knock(old), await knock(next), await knock(stranger)]).toEqual([404, 404, 403]);
    reply.body = { clientCertificates: [entryOf(next)] };
    expect(await published.refresh()).toBe(true);
    expect([await knock(old), await knock(next), await knock(stranger)]).toEqual([403, 404, 403]);
  });

  it("are read again every hour, without anybody asking", async () => {
    expect(HOUR).toBe(60 * 60);
    const hurried = followCertificates({ url, log: pino({ level: "silent" }), every: 0.01 });
    await until("the first reading", async () => hurried.isLoaded);
    reply.body = { clientCertificates: [entryOf(next)] };
    const { cert } = next;
    await until("the next one to be known", async () => hurried.includes(new X509Certificate(cert)));
    expect(hurried.includes(new X509Certificate(old.cert))).toBe(false);
    await hurried.stop();
  });

  it.each<[string, typeof reply]>([
    ["HTTP status 500", { status: 500, body: { clientCertificates: [] } }],
    ["no JSON", { status: 200, body: "<html>" }],
    ["no list", { status: 200, body: {} }],
    ["an empty list", { status: 200, body: { clientCertificates: [] } }],
    ["a redirect", { status: 302, body: "", headers: { location: "/elsewhere" } }],
  ])("stay as they are when a reading brings %s, which is logged", async (_what, failure) => {
    reply = failure;
    expect(await published.refresh()).toBe(false);
    expect([await knock(old), await knock(stranger)]).toEqual([404, 403]);
    const line = logged.find(one => one.includes("could not be read"));
    expect(JSON.parse(line ?? "{}")).toMatchObject({ level: 50, url, known: 1, err: { message: expect.any(String) } });
  });

  it("stay as they are when ARM can't be reached", async () => {
    metadata.close();
    metadata.closeAllConnections();
    expect(await published.refresh()).toBe(false);
    expect([await knock(old), await knock(stranger)]).toEqual([404, 403]);
  });

  it("that can't be read, or are not what their thumbprint says, are left out; the others count", async () => {
    reply.body = {
      clientCertificates: [
        null,
        {},
        entryOf(stranger, { certificate: "AAAA" }),
        entryOf(stranger, { thumbprint: "0".repeat(40) }),
        entryOf(next),
      ],
    };
    expect(await published.refresh()).toBe(true);
    expect([await knock(next), await knock(stranger)]).toEqual([404, 403]);
  });

  it("count only within their own validity", async () => {
    const [expired, early] = await Promise.all([
      makeCertificate("arm", { from: -3, to: -1 }),
      makeCertificate("arm", { from: 1, to: 3 }),
    ]);
    const lie = { notBefore: "2000-01-01T00:00:00Z", notAfter: "2100-01-01T00:00:00Z" };
    reply.body = { clientCertificates: [entryOf(expired, lie), entryOf(early, lie), entryOf(old)] };
    expect(await published.refresh()).toBe(true);
    expect([await knock(expired), await knock(early), await knock(old)]).toEqual([403, 403, 404]);
  });
});

describe("an api that can't reach ARM's metadata when it starts", () => {
  it("trusts nobody and is not ready, until ARM answers", async () => {
    let isAway = true;
    metadata.removeAllListeners("request");
    metadata.on("request", (request, response) => {
      if (isAway) request.socket.destroy();
      else response.end(JSON.stringify(reply.body));
    });
    const listen = { host: "127.0.0.1", port: 0 };
    const api = await startTestApi({ metadataUrl: url, settings: { health: { listen } } });
    const ready = async () => (await fetch(`${api.urls.healthUrl}/readyz`)).status;
    try {
      expect((await api.nrp.get("/nowhere")).status).toBe(403);
      expect(await ready()).toBe(503);
      reply.body = { clientCertificates: [entryOf(api.armCertificate)] };
      isAway = false;
      await until("ARM to be known", async () => (await api.nrp.get("/nowhere")).status === 404);
      await until("it to be ready", async () => (await ready()) === 200);
    } finally {
      await api.stop();
    }
  });
});

afterAll(() => metadata.close());
