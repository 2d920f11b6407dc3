import { createServer, type Server } from "node:net";
import { denialBody, TABLE_UNAVAILABLE, UNKNOWN_HOST } from "@linkgate/core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { linkAddress, RawConnection, writeProxyHeader, writeRequest } from "../testing/index.ts";
import { send, TestFeed } from "./support/feed.ts";
import { TestGate } from "./support/gate.ts";
import { askFrom, privateHost, publicHost, uniqueTarget } from "./support/requests.ts";
import type { TestUpstream } from "./support/upstream.ts";
import { TestWorld } from "./support/world.ts";

const LINK = 822088585;
const SOURCE = linkAddress(LINK, "10.1.1.4");
const PUBLIC_SOURCE = "2001:db8::7";

let world: TestWorld;
let gate: TestGate;
let upstream: TestUpstream;

beforeAll(async () => {
  world = await TestWorld.start(feed => {
    feed.set("contoso", "enabled", [LINK]);
    feed.set("fabrikam", "disabled", [17]);
    feed.set("northwind", "enabled", [LINK]);
  });
  ({ gate, upstream } = world);
});

afterAll(() => world.stop());

beforeEach(() => gate.explainFailure());

describe("the host that decides", () => {
  const host = privateHost("contoso");
  const askRaw = (bytes: string) => askFrom(gate, SOURCE, Buffer.from(bytes, "latin1"));

  test.for([host, host.toUpperCase(), `${host}.`, `${host}:8080`, `${host}.:8080`, `${host}:`])(
    "an absolute target agrees with Host: %s",
    async header => {
      const target = uniqueTarget();
      const answer = await askFrom(gate, SOURCE, { host: header, target: `http://${host}${target}` });
      expect(answer.status, answer.text()).toBe(200);
      expect(upstream.lastHeaders().get("host")).toBe(host);
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
    expect(upstream.lastHeaders().get("authorization")).toBe("Bearer x");
  });

  test("with another method goes on as it is, if it may at all", async () => {
    const request = { host: privateHost("contoso"), method: "POST", target: "/health/check?a=b", body: "a body" };
    expect((await askFrom(gate, SOURCE, request)).status).toBe(200);
    expect(upstream.requests.at(-1)).toMatchObject({ method: "POST", target: "/health/check?a=b", body: "a body" });
    expect((await askFrom(gate, PUBLIC_SOURCE, request)).status).toBe(403);
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
