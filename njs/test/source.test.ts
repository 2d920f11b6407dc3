import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { exchange, linkAddress, linkTlv, writeProxyHeader } from "../testing/index.ts";
import type { TestGate } from "./support/gate.ts";
import { askFrom, privateHost, publicHost, uniqueTarget } from "./support/requests.ts";
import { lendAddress } from "./support/source-address.ts";
import { TestWorld } from "./support/world.ts";

// Whose word of where a request came from is taken.

const LINK = 822088585;
const SOURCE = linkAddress(LINK, "10.1.1.4");

let world: TestWorld;
let gate: TestGate;

beforeAll(async () => {
  world = await TestWorld.start(
    feed => {
      feed.set("contoso", "enabled", [LINK]);
      feed.set("fabrikam", "disabled", [17]);
    },
    { LINKGATE_LINK_TLV: "optional" },
  );
  ({ gate } = world);
});

afterAll(() => world.stop());

beforeEach(() => gate.explainFailure());

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
