import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { denialBody, UNKNOWN_HOST } from "@linkgate/core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { exchange, linkAddress, RawConnection, writeProxyHeader } from "../testing/index.ts";
import type { TestGate } from "./support/gate.ts";
import { privateHost, publicHost, uniqueTarget } from "./support/requests.ts";
import { until } from "./support/until.ts";
import type { TestUpstream } from "./support/upstream.ts";
import { TestWorld } from "./support/world.ts";

const PEMS = join(import.meta.dirname, "support/tls");
const LINK = 822088585;
const SOURCE = linkAddress(LINK, "10.1.1.4");
const PUBLIC_SOURCE = "2001:db8::7";

let world: TestWorld;
let gate: TestGate;
let upstream: TestUpstream;
let certificates: string;

beforeAll(async () => {
  certificates = mkdtempSync(join(tmpdir(), "lg tls "));
  present("feed");
  world = await TestWorld.start(
    feed => {
      feed.set("contoso", "enabled", [LINK]);
      feed.set("fabrikam", "disabled", [17]);
    },
    {
      LINKGATE_TLS_CERT_FILE: join(certificates, "tls.crt"),
      LINKGATE_TLS_KEY_FILE: join(certificates, "tls.key"),
    },
  );
  ({ gate, upstream } = world);
});

afterAll(async () => {
  await world.stop();
  rmSync(certificates, { recursive: true });
});

beforeEach(() => gate.explainFailure());

/** Puts one file of a certificate in its place, as a whole. */
function place(name: string, file: "tls.crt" | "tls.key"): void {
  cpSync(join(PEMS, `${name}.${file === "tls.crt" ? "pem" : "key"}`), join(certificates, `${file}.new`));
  renameSync(join(certificates, `${file}.new`), join(certificates, file));
}

function present(name: string): void {
  place(name, "tls.crt");
  place(name, "tls.key");
}

/** Opens a TLS connection, behind a PROXY header if a source is given. Who it talks to is not checked. */
async function openTls(protocol: "h2" | "http/1.1", source?: string): Promise<TLSSocket> {
  const port = source === undefined ? gate.ports.direct : gate.ports.proxy;
  const header = source === undefined ? undefined : writeProxyHeader({ source });
  const { socket } = await RawConnection.open({ port }, header);
  socket.removeAllListeners("data");
  const tls = connectTls({ socket, servername: "evil.example", ALPNProtocols: [protocol], rejectUnauthorized: false });
  await new Promise<void>((resolve, reject) => tls.once("secureConnect", resolve).once("error", reject));
  return tls;
}

/** The certificate that a new connection gets. */
async function readCertificate(): Promise<Buffer> {
  const tls = await openTls("http/1.1");
  const { raw } = tls.getPeerCertificate();
  tls.destroy();
  return raw;
}

/** An HTTP/2 answer; 0 with the error for a stream that was reset. */
type Answer = { status: number; headers: IncomingHttpHeaders; body: string };

/** Sends one request over HTTP/2 on a connection of its own. */
async function ask(headers: Record<string, string | string[]>, source?: string): Promise<Answer> {
  const socket = await openTls("h2", source);
  const session: ClientHttp2Session = connect("https://gate.example", { createConnection: () => socket });
  try {
    return await new Promise<Answer>((resolve, reject) => {
      const stream = session.request({ ":path": "/", ...headers });
      let answer: IncomingHttpHeaders = {};
      let body = "";
      stream.setEncoding("utf8");
      stream.on("response", received => {
        answer = received;
      });
      stream.on("data", chunk => {
        body += chunk;
      });
      stream.on("error", error => resolve({ status: 0, headers: {}, body: error.message }));
      stream.on("end", () => resolve({ status: Number(answer[":status"]), headers: answer, body }));
      session.on("error", reject);
    });
  } finally {
    session.destroy();
  }
}

describe("HTTP/2", () => {
  test("a request by link is admitted, and the service hears who it was", async () => {
    const target = uniqueTarget();
    const answer = await ask({ ":authority": privateHost("contoso"), ":path": target }, SOURCE);
    expect(answer.status, answer.body).toBe(200);
    const headers = new Map(upstream.requests.at(-1)?.headers.map(([name, value]) => [name.toLowerCase(), value]));
    expect(headers.get("x-private-link-client")).toBe(`10.1.1.4:${LINK}`);
    expect(headers.get("x-private-link-id")).toBe(String(LINK));
    expect(headers.get("host")).toBe(privateHost("contoso"));
    expect(headers.get("x-forwarded-proto")).toBe("https");
    expect(await gate.logOf(target)).toMatchObject({ reason: "private-link", listener: "proxy", account: "contoso" });
  });

  test.for<[what: string, host: string, source: string | undefined, reason: string]>([
    ["another account's link", privateHost("fabrikam"), SOURCE, "link-id-mismatch"],
    ["the public network on the private host", privateHost("contoso"), PUBLIC_SOURCE, "not-private-link"],
    ["a connection's own address", publicHost("fabrikam"), undefined, "public-access-disabled"],
    ["a host of no zone", "evil.example", SOURCE, "unknown-host"],
  ])("%s is refused", async ([, host, source, reason]) => {
    const target = uniqueTarget();
    const before = upstream.requests.length;
    const answer = await ask({ ":authority": host, ":path": target }, source);
    expect([answer.status, answer.body]).toEqual([403, denialBody(UNKNOWN_HOST)]);
    expect((await gate.logOf(target)).reason).toBe(reason);
    expect(upstream.requests.length).toBe(before);
  });

  test.for(["", ".", ":443", ".:8443"])("host may say the authority again, with %j behind it", async rest => {
    const host = privateHost("contoso");
    const answer = await ask({ ":authority": host, host: `${host.toUpperCase()}${rest}` }, SOURCE);
    expect([200, 400]).toContain(answer.status); // NGINX itself refuses the ones that are not the same to the letter
    if (answer.status === 200) expect(upstream.requests.at(-1)?.account).toBe("contoso");
  });

  test.for([publicHost("contoso"), privateHost("fabrikam"), "evil.example", ""])(
    "an authority and a host %j that differ are refused, whichever of them would be admitted",
    async other => {
      const before = upstream.requests.length;
      const host = privateHost("contoso");
      for (const path of [uniqueTarget(), "/health/check"]) {
        expect((await ask({ ":authority": host, host: other, ":path": path }, SOURCE)).status).toBe(400);
        expect((await ask({ ":authority": other, host, ":path": path }, SOURCE)).status).toBeGreaterThanOrEqual(400);
      }
      expect(upstream.requests.length).toBe(before);
    },
  );

  test.for(["x-private-link-id", "x-private-link-client", "x-private-link-tenant", "x_private_link_id"])(
    "%s never reaches the service",
    async name => {
      for (const [host, source] of [
        [privateHost("contoso"), SOURCE],
        [publicHost("contoso"), PUBLIC_SOURCE],
      ] as const) {
        const target = uniqueTarget();
        const before = upstream.requests.length;
        const answer = await ask({ ":authority": host, ":path": target, [name]: "9.9.9.9:17" }, source);
        if (answer.status === 400) expect((await gate.logOf(target)).reason).toBe("reserved-header");
        else expect(answer.status).toBe(200);
        for (const request of upstream.requests.slice(before)) {
          expect(JSON.stringify(request.headers)).not.toContain("9.9.9.9:17");
        }
      }
    },
  );

  test("a health check goes on bare, from anywhere", async () => {
    const path = "/health/check?a=b";
    const answer = await ask({ ":authority": privateHost("contoso"), ":path": path, cookie: "a=b" }, PUBLIC_SOURCE);
    expect(answer.status).toBe(200);
    expect(upstream.requests.at(-1)).toMatchObject({
      target: "/health/check",
      headers: [["Host", privateHost("contoso")]],
    });
  });

  test("a target without a slash is no request", async () => {
    const before = upstream.requests.length;
    const authority = privateHost("contoso");
    for (const path of [`http://${authority}/`, "*", "health/check", ""]) {
      const { status } = await ask({ ":authority": authority, ":path": path }, SOURCE);
      expect([0, 400]).toContain(status);
    }
    expect(upstream.requests.length).toBe(before);
  });
});

describe("TLS", () => {
  test("HTTP/1.1 is judged there as well", async () => {
    const tls = await openTls("http/1.1", SOURCE);
    const target = uniqueTarget();
    tls.write(`GET ${target} HTTP/1.1\r\nHost: ${privateHost("contoso")}\r\nConnection: close\r\n\r\n`);
    tls.resume();
    expect(await gate.logOf(target)).toMatchObject({ verdict: "allow", reason: "private-link", status: 200 });
    tls.destroy();
  });

  test("clear text is no request on any listener", async () => {
    const before = upstream.requests.length;
    const header = writeProxyHeader({ source: SOURCE });
    const request = { host: privateHost("contoso"), target: "/health/check" };
    expect((await exchange({ port: gate.ports.proxy }, request, header)).status).toBe(400);
    expect((await exchange({ port: gate.ports.direct }, request)).status).toBe(400);
    expect((await exchange({ port: gate.ports.public }, request)).status).toBe(400);
    expect(upstream.requests.length).toBe(before);
  });

  test("a renewed certificate is served; one that does not fit its key changes nothing", async () => {
    const old = await readCertificate();
    const oldWorkers = gate.workerPids;
    place("renewed", "tls.crt");
    await until(
      async () => gate.supervisorLog.includes("the configuration is refused") || null,
      () => `the supervisor did not look at the certificate: ${gate.supervisorLog}`,
    );
    expect(await readCertificate()).toEqual(old);
    place("renewed", "tls.key");
    const renewed = readFileSync(join(PEMS, "renewed.pem"), "utf8").replace(/-----[A-Z ]+-----|\s/g, "");
    await until(
      async () => (await readCertificate()).toString("base64") === renewed,
      () => `the old certificate is still served: ${gate.supervisorLog}`,
    );
    // One on its way out may still take a connection, and refuses what HTTP/2 begins on it.
    await until(
      () => gate.workerPids.every(pid => !oldWorkers.includes(pid)),
      () => "the old workers are still there",
    );
    expect((await ask({ ":authority": privateHost("contoso") }, SOURCE)).status).toBe(200);
  });
});
