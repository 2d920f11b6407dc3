import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { denialBody, TABLE_UNAVAILABLE, UNKNOWN_HOST } from "@linkgate/core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { exchange, linkAddress, linkTlv, RawConnection, writeProxyHeader, writeRequest } from "../testing/index.ts";
import { send, TestFeed } from "./support/feed.ts";
import { TestGate } from "./support/gate.ts";
import { askFrom, privateHost, publicHost, uniqueTarget } from "./support/requests.ts";
import { lendAddress } from "./support/source-address.ts";
import type { TestUpstream, UpstreamRequest } from "./support/upstream.ts";
import { TestWorld } from "./support/world.ts";

const LINK = 822088585;
const SOURCE = linkAddress(LINK, "10.1.1.4");
const PUBLIC_SOURCE = "2001:db8::7";

let world: TestWorld;
let gate: TestGate;
let upstream: TestUpstream;

beforeAll(async () => {
  world = await TestWorld.start(
    feed => {
      feed.set("contoso", "enabled", [LINK]);
      feed.set("fabrikam", "disabled", [17]);
      feed.set("northwind", "enabled", [LINK]);
    },
    { LINKGATE_LINK_TLV: "optional" },
  );
  ({ gate, upstream } = world);
});

afterAll(() => world.stop());

beforeEach(() => gate.explainFailure());

/** Headers of the last request that a service got, names in lower case. */
function lastHeaders(): Map<string, string> {
  return new Map(
    (upstream.requests.at(-1) as UpstreamRequest).headers.map(([name, value]) => [name.toLowerCase(), value]),
  );
}

describe("headers that a client can write", () => {
  const cases = createRequire(import.meta.url)("@linkgate/core/cases/headers.json") as {
    name: string;
    isReserved: boolean;
  }[];
  const reserved = cases.filter(row => row.isReserved && isFieldName(row.name)).map(row => row.name);
  const replaced = ["host", "x-forwarded-for"]; // by the gate's own, as another test shows
  const ordinary = cases
    .filter(row => !row.isReserved && isFieldName(row.name) && !replaced.includes(row.name.toLowerCase()))
    .map(row => row.name);
  const EVIL = "9.9.9.9:17";

  test.for(reserved)("%s never reaches the upstream", async name => {
    for (const [host, source] of [
      [privateHost("contoso"), SOURCE],
      [publicHost("contoso"), PUBLIC_SOURCE],
    ] as const) {
      const target = uniqueTarget();
      const before = upstream.requests.length;
      const answer = await askFrom(gate, source, { host, target, headers: [[name, EVIL]] });
      const line = await gate.logOf(target);
      if (answer.status === 400) expect(line).toMatchObject({ verdict: "deny", reason: "reserved-header" });
      else expect(answer.status, answer.text()).toBe(200);
      for (const request of upstream.requests.slice(before)) {
        expect(JSON.stringify(request.headers)).not.toContain(EVIL);
      }
    }
  });

  test.for(reserved)("%s does not keep a health check from going on, nor goes with it", async name => {
    const answer = await askFrom(gate, PUBLIC_SOURCE, {
      host: privateHost("contoso"),
      target: "/health/check",
      headers: [[name, EVIL]],
    });
    expect(answer.status).toBe(200);
    expect([...lastHeaders().keys()]).toEqual(["host"]);
  });

  test.for(ordinary)("%s is an ordinary header and reaches the upstream", async name => {
    const target = uniqueTarget();
    const answer = await askFrom(gate, SOURCE, { host: privateHost("contoso"), target, headers: [[name, "yes"]] });
    expect(answer.status).toBe(200);
    // NGINX drops a name with "_" in it.
    expect(lastHeaders().get(name.toLowerCase())).toBe(name.includes("_") ? undefined : "yes");
  });

  test("of two copies none is left", async () => {
    const headers = [
      ["x-private-link-id", "17"],
      ["X-PRIVATE-LINK-ID", "18"],
      ["X-Private-Link-Client", EVIL],
    ] as const;
    await askFrom(gate, PUBLIC_SOURCE, { host: publicHost("contoso"), headers });
    expect([...lastHeaders().keys()].filter(name => name.startsWith("x-private-link"))).toEqual([]);
    await askFrom(gate, SOURCE, { host: publicHost("contoso"), headers });
    expect(upstream.requests.at(-1)?.headers.filter(([name]) => /private/i.test(name))).toEqual([
      ["x-private-link-id", String(LINK)],
      ["x-private-link-client", `10.1.1.4:${LINK}`],
    ]);
  });

  test("what says where a request came from is the gate's own", async () => {
    await askFrom(gate, PUBLIC_SOURCE, {
      host: publicHost("contoso"),
      headers: ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded"].map(
        name => [name, EVIL] as const,
      ),
    });
    const headers = lastHeaders();
    expect(headers.get("x-forwarded-for")).toBe(PUBLIC_SOURCE);
    expect(headers.get("x-real-ip")).toBe(PUBLIC_SOURCE);
    expect(headers.get("x-forwarded-host")).toBe(publicHost("contoso"));
    expect(headers.get("x-forwarded-proto")).toBe("http");
    expect(headers.has("forwarded")).toBe(false);
  });

  test.for(["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "X-Azure-SocketIP"])(
    "%s does not change the source",
    async name => {
      const value = name === "Forwarded" ? `for="[${SOURCE}]"` : SOURCE;
      const answer = await askFrom(gate, PUBLIC_SOURCE, { host: privateHost("contoso"), headers: [[name, value]] });
      expect(answer.status).toBe(403);
    },
  );
});

describe("the host that decides", () => {
  const host = privateHost("contoso");
  const askRaw = (bytes: string) => askFrom(gate, SOURCE, Buffer.from(bytes, "latin1"));

  test.for([host, host.toUpperCase(), `${host}.`, `${host}:8080`, `${host}.:8080`, `${host}:`])(
    "an absolute target agrees with Host: %s",
    async header => {
      const target = uniqueTarget();
      const answer = await askFrom(gate, SOURCE, { host: header, target: `http://${host}${target}` });
      expect(answer.status, answer.text()).toBe(200);
      expect(lastHeaders().get("host")).toBe(host);
    },
  );

  test.for([publicHost("contoso"), privateHost("fabrikam"), `evil-${host}`, `${host}.evil.example`, "evil.example"])(
    "an absolute target whose host is not that of Host: %s is refused",
    async header => {
      const before = upstream.requests.length;
      for (const path of [uniqueTarget(), `/health/check?${uniqueTarget()}`]) {
        const answer = await askFrom(gate, SOURCE, { host: header, target: `http://${host}${path}` });
        expect(answer.status).toBe(400);
        const line = await gate.logOf(path);
        expect(line).toMatchObject({ verdict: "deny", reason: "conflicting-hosts", account: "contoso" });
      }
      expect(upstream.requests.length).toBe(before);
    },
  );

  test("a request without Host is refused, whatever its target", async () => {
    const before = upstream.requests.length;
    expect((await askRaw(`GET http://${host}/ HTTP/1.0\r\n\r\n`)).status).toBe(400);
    expect((await askRaw("GET / HTTP/1.0\r\n\r\n")).status).toBe(403);
    const old = await RawConnection.open({ port: gate.ports.proxy }, writeProxyHeader({ source: SOURCE }));
    old.send(`GET http://${host}/ \r\n`);
    expect((await old.readToEnd()).toString()).toBe(denialBody(UNKNOWN_HOST)); // HTTP/0.9 has no status
    expect(upstream.requests.length).toBe(before);
  });
});

describe("ways out of HTTP/1.1", () => {
  test.for(["websocket", "h2c", "TLS/1.0"])("Upgrade: %s is refused, and not forwarded", async protocol => {
    for (const target of [uniqueTarget(), "/health/check"]) {
      const before = upstream.requests.length;
      const headers = [
        ["Connection", "Upgrade, HTTP2-Settings"],
        ["Upgrade", protocol],
        ["HTTP2-Settings", "AAMAAABkAAQAAP__"],
      ] as const;
      const answer = await askFrom(gate, SOURCE, { host: privateHost("contoso"), target, headers });
      expect(answer.status).toBe(403);
      expect(upstream.requests.length).toBe(before);
    }
  });

  test("an upstream that answers 101 unasked gets no tunnel", async () => {
    const eager: Server = createServer(socket => {
      socket.once("data", () =>
        socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
      );
      socket.on("data", () => socket.write("tunnelled"));
      socket.on("error", () => {});
    });
    await new Promise<void>(resolve => eager.listen(`${gate.dir}/up/northwind.sock`, resolve));
    const header = writeProxyHeader({ source: SOURCE });
    const connection = await RawConnection.open({ port: gate.ports.proxy }, header);
    const headers = [
      ["Upgrade", "x"],
      ["Connection", "upgrade"],
    ] as const;
    connection.send(writeRequest({ host: publicHost("northwind"), headers }));
    expect((await connection.readResponse()).status).toBe(403);
    connection.close();
    eager.close();
  });

  test.for([
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT contoso.azurehealthcareapis.com:443 HTTP/1.1\r\nHost: contoso\r\n\r\n",
  ])("%j is no request", async bytes => {
    const before = upstream.requests.length;
    const answer = await askFrom(gate, SOURCE, Buffer.from(bytes));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(upstream.requests.length).toBe(before);
  });
});

describe("a health check", () => {
  test("is forwarded bare: no query, no body, none of the client's headers", async () => {
    const answer = await askFrom(gate, PUBLIC_SOURCE, {
      host: privateHost("contoso"),
      target: "/health/check?a=b",
      headers: [
        ["Authorization", "Bearer x"],
        ["Cookie", "a=b"],
        ["X-HTTP-Method-Override", "DELETE"],
        ["Range", "bytes=0-1"],
      ],
      body: "a body",
    });
    expect(answer.status).toBe(200);
    expect(upstream.requests.at(-1)).toEqual({
      account: "contoso",
      method: "GET",
      target: "/health/check",
      headers: [["Host", privateHost("contoso")]],
      body: "",
    });
  });

  test("on the public host name is a request as any other", async () => {
    const target = "/health/check?a=b";
    const headers = [["Authorization", "Bearer x"]] as const;
    const answer = await askFrom(gate, PUBLIC_SOURCE, { host: publicHost("contoso"), target, headers });
    expect(answer.status).toBe(200);
    expect(upstream.requests.at(-1)).toMatchObject({ target });
    expect(lastHeaders().get("authorization")).toBe("Bearer x");
  });

  test("with another method goes on as it is, if it may at all", async () => {
    const request = { host: privateHost("contoso"), method: "POST", target: "/health/check?a=b", body: "a body" };
    expect((await askFrom(gate, SOURCE, request)).status).toBe(200);
    expect(upstream.requests.at(-1)).toMatchObject({ method: "POST", target: "/health/check?a=b", body: "a body" });
    expect((await askFrom(gate, PUBLIC_SOURCE, request)).status).toBe(403);
  });
});

describe("PROXY protocol", () => {
  test("LOCAL is good for a health check and nothing else", async () => {
    const local = { command: "LOCAL" as const, source: SOURCE };
    const health = { host: privateHost("contoso"), target: "/health/check" };
    expect((await askFrom(gate, local, health)).status).toBe(200);
    const target = uniqueTarget();
    expect((await askFrom(gate, local, { host: publicHost("contoso"), target })).status).toBe(403);
    expect((await gate.logOf(target)).reason).toBe("unreadable-source");
  });

  test("a peer that is no balancer is not believed, whatever address and TLV it says, its own too", async () => {
    const peer = { port: gate.ports.proxy, localAddress: "127.0.0.2" };
    for (const header of [
      { source: SOURCE },
      { source: "127.0.0.2", tlvs: [linkTlv(LINK)] },
      { source: "127.0.0.1", tlvs: [linkTlv(LINK)] },
      { family: "unspecified" as const, tlvs: [linkTlv(LINK)] },
    ]) {
      const target = uniqueTarget();
      const request = { host: publicHost("contoso"), target };
      expect((await exchange(peer, request, writeProxyHeader(header))).status).toBe(403);
      expect((await gate.logOf(target)).reason).toBe("unreadable-source");
    }
  });

  test("the TLV alone names the link; the private address is the header's", async () => {
    const target = uniqueTarget();
    const header = { source: "10.1.1.4", tlvs: [linkTlv(LINK)] };
    expect((await askFrom(gate, header, { host: privateHost("contoso"), target })).status).toBe(200);
    expect(await gate.logOf(target)).toMatchObject({
      reason: "private-link",
      client: `10.1.1.4:${LINK}`,
      remote_addr: "10.1.1.4",
    });
  });

  test("of two TLVs the first counts; a header that says two links in two ways is refused", async () => {
    const host = privateHost("contoso");
    const twice = { source: "10.1.1.4", tlvs: [linkTlv(17), linkTlv(LINK)] };
    expect((await askFrom(gate, twice, { host })).status).toBe(403);
    const target = uniqueTarget();
    expect((await askFrom(gate, { source: SOURCE, tlvs: [linkTlv(17)] }, { host, target })).status).toBe(403);
    expect((await gate.logOf(target)).reason).toBe("conflicting-link-ids");
  });

  test("version 1 carries an address, if it is written as NGINX writes it", async () => {
    const ask = (source: string) =>
      exchange(
        { port: gate.ports.proxy },
        { host: privateHost("contoso") },
        Buffer.from(`PROXY TCP6 ${source} ::1 50000 443\r\n`),
      );
    expect((await ask(SOURCE)).status).toBe(200);
    expect((await ask(SOURCE.toUpperCase())).status).toBe(403);
  });

  test("a client on the PROXY listener that sends none gets no answer", async () => {
    await expect(exchange({ port: gate.ports.proxy }, { host: publicHost("contoso") })).rejects.toThrow("ended");
  });

  test("a PROXY header on the direct listener is no request", async () => {
    const answer = await exchange(
      { port: gate.ports.direct },
      { host: publicHost("contoso") },
      writeProxyHeader({ source: SOURCE }),
    );
    expect(answer.status).toBe(400);
  });
});

describe("the direct listener", () => {
  test("takes the connection's own address", async ({ skip }) => {
    if (!(await lendAddress(SOURCE))) skip("a link address can't be bound here; that takes root");
    const peer = { host: SOURCE, port: gate.ports.direct, localAddress: SOURCE };
    const target = uniqueTarget();
    expect((await exchange(peer, { host: privateHost("contoso"), target })).status).toBe(200);
    expect(await gate.logOf(target)).toMatchObject({
      reason: "private-link",
      listener: "direct",
      client: `10.1.1.4:${LINK}`,
    });
    expect((await exchange(peer, { host: publicHost("fabrikam") })).status).toBe(403);
  });

  test.for(["127.0.0.1", "::1"])("%s is public", async host => {
    const target = uniqueTarget();
    const answer = await exchange({ host, port: gate.ports.direct }, { host: publicHost("contoso"), target });
    expect(answer.status).toBe(200);
    expect(await gate.logOf(target)).toMatchObject({ reason: "public", listener: "direct", client: "", link_id: "" });
  });
});

describe("the answer of a denial", () => {
  test("is an OperationOutcome that names no reason", async () => {
    for (const host of [publicHost("fabrikam"), publicHost("nobody"), privateHost("contoso"), "www.example.com"]) {
      const answer = await askFrom(gate, PUBLIC_SOURCE, { host });
      expect(answer.status).toBe(403);
      expect(answer.header("content-type")).toBe("application/fhir+json");
      expect(answer.text()).toBe(denialBody(UNKNOWN_HOST));
    }
  });

  test("is 503 with Retry-After while there is no table", async () => {
    const bare = await TestFeed.start();
    bare.misbehave = (_, answer) => send(answer, 503, "{}");
    const young = await TestGate.create(bare);
    try {
      await young.launch();
      const target = uniqueTarget();
      const answer = await askFrom(young, PUBLIC_SOURCE, { host: publicHost("contoso"), target });
      expect(answer.status).toBe(503);
      expect(Number(answer.header("retry-after"))).toBeGreaterThan(0);
      expect(answer.text()).toBe(denialBody(TABLE_UNAVAILABLE));
      expect((await young.logOf(target)).reason).toBe("table-unavailable");
      expect(await young.probe("/ready")).toBe(503);
    } finally {
      await young.stop();
      await bare.stop();
    }
  });
});

describe("connections", () => {
  test("each account's requests go to its own service", async () => {
    await askFrom(gate, SOURCE, { host: publicHost("contoso") });
    expect(upstream.requests.at(-1)?.account).toBe("contoso");
    await askFrom(gate, linkAddress(17, "10.1.1.4"), { host: publicHost("fabrikam") });
    expect(upstream.requests.at(-1)?.account).toBe("fabrikam");
  });
});

describe("connections and the link quarantine", () => {
  let dir: string;
  let hasty: TestWorld;
  beforeAll(async () => {
    // NGINX itself would close a connection after the first request past half of the second; the gate must not rely on that.
    dir = mkdtempSync(join(tmpdir(), "lg-hasty-"));
    const template = readFileSync(join(import.meta.dirname, "../../deploy/nginx/nginx.conf.template"), "utf8");
    writeFileSync(join(dir, "template"), template.replace(/keepalive_time .*;/, "keepalive_time 1h;"));
    const settings = { LINKGATE_LINK_QUARANTINE: "1", LINKGATE_TEMPLATE: join(dir, "template") };
    hasty = await TestWorld.start(feed => feed.set("contoso", "enabled", [LINK]), settings);
  });
  afterAll(async () => {
    await hasty.stop();
    rmSync(dir, { recursive: true });
  });
  beforeEach(() => hasty.gate.explainFailure());

  test("one that is older brings no request by link (rule 28)", async () => {
    hasty.upstream.delayMs = 1100;
    const header = writeProxyHeader({ source: SOURCE });
    const connection = await RawConnection.open({ port: hasty.gate.ports.proxy }, header);
    const target = uniqueTarget();
    // A health check is admitted at any age; the next request is there already, and has its turn when that has its answer.
    const health = writeRequest({ host: privateHost("contoso"), target: "/health/check" });
    connection.send(Buffer.concat([health, writeRequest({ host: privateHost("contoso"), target })]));
    expect((await connection.readResponse()).status).toBe(200);
    expect((await connection.readResponse()).status).toBe(421);
    expect(await hasty.gate.logOf(target)).toMatchObject({ verdict: "deny", reason: "old-connection" });
    connection.close();
    hasty.upstream.delayMs = 0;
  });

  test("one that is idle for half of it is closed", async () => {
    const connection = await RawConnection.open({ port: hasty.gate.ports.direct });
    connection.send(writeRequest({ host: publicHost("contoso") }));
    expect((await connection.readResponse()).header("connection")).toBe("keep-alive");
    expect(await connection.readToEnd()).toHaveLength(0);
  });
});

test("the access log has every member in every line, of what NGINX answers itself too", async () => {
  const target = uniqueTarget();
  await askFrom(gate, SOURCE, Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a..b\r\n\r\n`));
  expect(await gate.logOf(target)).toMatchObject({ verdict: "", status: 400 });
  const lines = await gate.log();
  const members = Object.keys(lines[0] ?? {});
  expect(members).toEqual(
    "time request_id verdict reason account client link_id host method request_uri status listener remote_addr bytes".split(
      " ",
    ),
  );
  for (const line of lines) expect(Object.keys(line)).toEqual(members);
});

/** True for a name that HTTP can carry (RFC 9110 5.1); NGINX answers 400 to the others, or drops them. */
function isFieldName(name: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(name);
}
