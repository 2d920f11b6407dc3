import fc from "fast-check";
import { describe, expect, test } from "vitest";
import headers from "../cases/headers.json" with { type: "json" };
import { createAnswerer } from "../testing/answer.ts";
import { junk } from "../testing/questions.ts";
import { engines, javaScript, wasm } from "./engines.ts";

describe.each(engines)("$name", engine => {
  test.each(headers)("header $name", row => {
    expect(engine.isReservedHeader(row.name)).toBe(row.isReserved);
  });

  test("a capital names no account: folding is the gate's part", () => {
    expect(engine.splitHost("contoso.azurehealthcareapis.com")).toEqual({ account: "contoso", isPrivate: false });
    expect(engine.splitHost("Contoso.azurehealthcareapis.com")).toBeNull();
    expect(engine.splitHost("contoso.Azurehealthcareapis.com")).toBeNull();
  });

  test("several zones, in any order", () => {
    const zones = [
      ["example.com", "privatelink.example.com"],
      ["eu.example.com", "privatelink.eu.example.com"],
      ["mshapis.com", "privatelink.mshapis.com"],
    ] as const;
    for (const order of [zones, zones.toReversed()]) {
      expect(engine.splitHost("a.example.com", order)).toEqual({ account: "a", isPrivate: false });
      expect(engine.splitHost("a.privatelink.example.com", order)).toEqual({ account: "a", isPrivate: true });
      expect(engine.splitHost("a.eu.example.com", order)).toEqual({ account: "a", isPrivate: false });
      expect(engine.splitHost("a.privatelink.eu.example.com", order)).toEqual({ account: "a", isPrivate: true });
      expect(engine.splitHost("a.privatelink.mshapis.com", order)).toEqual({ account: "a", isPrivate: true });
      expect(engine.splitHost("a.b.example.com", order)).toBeNull();
      expect(engine.splitHost("a.azurehealthcareapis.com", order)).toBeNull();
    }
    // Where one suffix ends with the other, the longer one says whether the host is private.
    const nested = [["example.com", "private.example.com"] as const];
    expect(engine.splitHost("private.example.com", nested)).toEqual({ account: "private", isPrivate: false });
    expect(engine.splitHost("a.private.example.com", nested)).toEqual({ account: "a", isPrivate: true });
    expect(engine.splitHost("a.example.com", [])).toBeNull();
  });

  test("a zone is two DNS names in lower case, and no suffix belongs to two", () => {
    const good = ["example.com", "privatelink.example.com"] as const;
    expect(engine.addZones([good])).toEqual([true]);
    const bad = [
      "",
      ".",
      "example.com.",
      ".example.com",
      "a..b",
      "Example.com",
      "exa_mple.com",
      "exämple.com",
      "a b",
      "*.a",
    ];
    for (const suffix of [...bad, "a".repeat(190)]) {
      expect(engine.addZones([[suffix, "b.example.com"]]), `public ${suffix}`).toEqual([false]);
      expect(engine.addZones([["b.example.com", suffix]]), `private ${suffix}`).toEqual([false]);
    }
    expect(engine.addZones([["com", `${"a".repeat(185)}.com`]])).toEqual([true]);
    expect(engine.addZones([["example.com", "example.com"]])).toEqual([false]);
    expect(engine.addZones([good, good])).toEqual([true, false]);
    expect(engine.addZones([good, ["privatelink.example.com", "x.example.com"]]), "private, then public").toEqual([
      true,
      false,
    ]);
    expect(engine.addZones([good, ["x.example.com", "example.com"]]), "public, then private").toEqual([true, false]);
    expect(engine.addZones([good, ["x.example.com", "privatelink.example.com"]])).toEqual([true, false]);
    expect(engine.addZones([good, ["example.com", "x.example.com"]])).toEqual([true, false]);
    // Nothing of a refused pair is left.
    expect(engine.splitHost("a.x.example.net", [good, ["x.example.net", "example.com"]])).toBeNull();
  });

  test("every reason: what it does, what a client is told, what an operator is told", () => {
    const reasons = Array.from({ length: 13 }, (_, reason) => engine.describeReason(reason));
    expect(reasons.filter(row => row.isAllowed).map(row => row.reason)).toEqual([
      "private-link",
      "public",
      "health-check",
    ]);
    expect(reasons[0]?.isAllowed, "0, the number of a reason that nobody set").toBe(false);
    expect(new Set(reasons.map(row => row.explanation)).size).toBe(13);
    for (const { reason, isAllowed, status, body, explanation } of reasons) {
      expect(reason).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(explanation).toMatch(/^The .+\.$|^A .+\.$/);
      expect(status).toBe(reason === "table-unavailable" ? 503 : 403);
      if (isAllowed) continue;
      expect(JSON.parse(body)).toEqual({
        resourceType: "OperationOutcome",
        issue: [
          { severity: "error", code: status === 503 ? "transient" : "forbidden", diagnostics: expect.any(String) },
        ],
      });
      expect(body, "a body tells nothing about tenants").toBe(engine.describeReason(status === 503 ? 3 : 0).body);
    }
    expect(javaScript.describeReason(13).isAllowed).toBe(false);
    expect(javaScript.describeReason(-1).isAllowed).toBe(false);
  });

  test("nothing of one request is left in the next", () => {
    const question = { host: "a.azurehealthcareapis.com", source: "fd40:1100::a01:104", entry: "enabled\t17\t1" };
    expect(engine.decide(question)).toMatchObject({ reason: "private-link", client: "10.1.1.4:17", linkId: 17 });
    const nothing = { isAllowed: false, client: "", linkId: 0 };
    expect(engine.decide({ ...question, source: "fd40:1100" })).toMatchObject({
      reason: "unreadable-source",
      ...nothing,
    });
    expect(engine.decide(question).linkId).toBe(17);
    expect(engine.decide({ ...question, listener: "proxy-local" })).toMatchObject({
      reason: "unreadable-source",
      ...nothing,
    });
    expect(engine.decide(question).linkId).toBe(17);
    expect(engine.decide({ ...question, source: "10.1.1.4" })).toMatchObject({
      reason: "public",
      client: "",
      linkId: 0,
    });
    const byTlv = { ...question, source: "10.1.1.4", listener: "proxy-tlv-optional" } as const;
    expect(engine.decide({ ...byTlv, tlv: "0111000000" })).toMatchObject({ reason: "private-link", linkId: 17 });
    expect(engine.decide(byTlv)).toMatchObject({ reason: "public", client: "", linkId: 0 });
    expect(engine.decide(question).linkId).toBe(17);
    const healthCheck = { ...question, host: "a.privatelink.azurehealthcareapis.com", target: "/health/check" };
    expect(engine.decide(healthCheck)).toMatchObject({ reason: "health-check", client: "", linkId: 0 });
    expect(engine.decide(question).linkId).toBe(17);
    expect(engine.decide({ ...question, host: "example.com" })).toMatchObject({
      reason: "unknown-host",
      account: "",
      ...nothing,
    });
  });
});

test("whatever is read, nothing throws and both engines agree", () => {
  const groups = fc.array(junk(300), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(groups, fc.uint8Array({ maxLength: 40 }), ([one = "", two = "", three = ""], bytes) => {
      const read = (engine: (typeof engines)[number]) => ({
        decision: engine.decide({ host: one, method: two, target: three, source: two, tlv: "01", entry: three }),
        address: engine.readAddress(one),
        bytes: engine.readAddressBytes(bytes),
        host: engine.splitHost(one),
        account: engine.isAccount(one),
        health: engine.isHealthCheck(one, two),
        header: engine.isReservedHeader(one),
        line: engine.readLine(`${one}\n`, 0, one.length),
        lines: engine.readLine(one, 0, one.indexOf("\n")),
        startOver: engine.readStartOver(one),
        entry: engine.readEntry(one, 17),
        enabled: engine.readEntry(`enabled\t${one}`, 17),
      });
      expect(read(wasm)).toEqual(read(javaScript));
    }),
    { numRuns: 20_000 },
  );
});

test("an unknown state of the table admits nobody", async () => {
  const core = await import("../src/index.ts");
  const { StringSink } = await import("../src/glue/js/string-sink.ts");
  const zones = new core.Zones();
  zones.add("example.com", "privatelink.example.com");
  const source = new core.Source();
  source.isReadable = core.readAddress("192.0.2.1", source.address);
  const decision = new core.Decision(new StringSink(), new StringSink());
  const listener = new core.Listener(true, core.TLV_OFF);
  for (const state of [core.TABLE_NONE, -1, 3, Number.NaN]) {
    const table = { readState: () => state, findEntry: () => "enabled\t17\t1" };
    const reason = decision.decide("a.example.com", "GET", "/", source, listener, zones, table);
    expect(core.REASONS[reason], `state ${state}`).toBe("table-unavailable");
  }
});

test("the answerer folds ASCII capitals and nothing else", () => {
  const decide = createAnswerer();
  const question = { source: "192.0.2.1", entry: "enabled\t\t1" };
  expect(decide({ ...question, host: "CONTOSO.azurehealthcareapis.com" }).reason).toBe("public");
  expect(decide({ ...question, host: "\u212a.azurehealthcareapis.com" }).reason).toBe("unknown-host");
});
