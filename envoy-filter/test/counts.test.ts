import { linkAddress } from "@linkgate/njs/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { HOST, linesOf, ReportingGate, SOURCE, ZONE } from "./support/reporting-gate.ts";

// What a gate counts of the requests that it decided, and how much of it.

let gate: ReportingGate;
beforeEach(() => {
  gate = ReportingGate.make();
});

describe("what it counts", () => {
  test("requests and bytes by account, reason and link id", () => {
    gate.begin();
    for (let time = 0; time < 3; time++) gate.send();
    gate.send(`contoso.${ZONE}`, 5_000_000_000, "2001:db8::7");
    gate.send(HOST, 1, linkAddress(4_294_967_295, "10.1.1.4"));
    gate.send(`fabrikam.privatelink.${ZONE}`, 2);
    gate.send(`fabrikam.${ZONE}`, 3, "2001:db8::7");
    gate.send(HOST, 4, "2001:db8::7");
    gate.send(HOST, 5, SOURCE, { ":method": "TRACE" });
    gate.send(HOST, 6, SOURCE, { upgrade: "websocket" });
    gate.pass(1);
    expect(linesOf(gate.takeReport())).toEqual([
      "contoso\tlink-id-mismatch\t4294967295\t1\t1",
      "contoso\tmethod\t17\t1\t5",
      "contoso\tnot-private-link\t\t1\t4",
      "contoso\tprivate-link\t17\t3\t300",
      "contoso\tpublic\t\t1\t5000000000",
      "contoso\tupgrade\t17\t1\t6",
      "fabrikam\tprivate-link-not-enabled\t17\t1\t2",
      "fabrikam\tpublic-access-disabled\t\t1\t3",
    ]);
  });

  test("the table's names only, though the decision asked no table", () => {
    gate.begin();
    for (const account of ["contoso", "nobody", "x".repeat(64)]) {
      gate.send(`${account}.privatelink.${ZONE}`, 1, "fd40::1");
      gate.send(`${account}.privatelink.${ZONE}`, 2, "fd40::1", { ":path": "/health/check" });
    }
    gate.send(`nobody.${ZONE}`, 4, "2001:db8::7");
    gate.send("example.com", 8);
    gate.pass(1);
    expect(linesOf(gate.takeReport())).toEqual([
      "\thealth-check\t\t1\t2",
      "\tunknown-account\t\t1\t4",
      "\tunknown-host\t\t3\t11",
      "\tunreadable-source\t\t1\t1",
      "contoso\thealth-check\t\t1\t2",
      "contoso\tunreadable-source\t\t1\t1",
    ]);
  });

  test("a removed account's name is none, one of a table that has expired is", () => {
    gate.begin();
    gate.envoy.takeCall().answer(200, "-fabrikam\t2\n=b\tdone\n");
    gate.send(`fabrikam.privatelink.${ZONE}`, 1, SOURCE, { ":path": "/health/check" });
    gate.envoy.advance(3601);
    gate.send(HOST, 2);
    gate.vm.tick(gate.root);
    expect(linesOf(gate.takeReport())).toEqual(["\thealth-check\t\t1\t1", "contoso\ttable-unavailable\t17\t1\t2"]);
  });

  test("nobody's name while there is no table", () => {
    gate = new ReportingGate();
    gate.begin();
    gate.send();
    gate.pass(1);
    expect(linesOf(gate.takeReport())).toEqual(["\ttable-unavailable\t17\t1\t100"]);
  });

  test("a request when it ends, however long that takes, with all of its bytes", () => {
    gate.begin();
    const long = gate.send(HOST, null);
    for (let time = 0; time < 20_000; time++) gate.send();
    gate.pass(1);
    expect(linesOf(gate.takeReport(204))).toEqual(["contoso\tprivate-link\t17\t20000\t2000000"]);
    gate.vm.end(long.context, 123_456_789_012);
    gate.vm.end(long.context, 1); // nobody's
    gate.pass(1);
    expect(linesOf(gate.takeReport())).toEqual(["contoso\tprivate-link\t17\t1\t123456789012"]);
  });

  test("each request as what it is, in whatever order they end", () => {
    gate.begin();
    const open = (linkId: number) => gate.send(HOST, null, linkAddress(linkId, "10.1.1.4")).context;
    const first = open(1);
    const second = open(2);
    gate.vm.end(first, 10);
    const third = open(3);
    gate.vm.end(second, 20);
    const fourth = open(4);
    const fifth = open(5);
    gate.vm.end(fourth, 40);
    gate.vm.end(third, 30);
    gate.vm.end(fifth, 50);
    gate.pass(1);
    const wanted = [1, 2, 3, 4, 5].map(linkId => `contoso\tlink-id-mismatch\t${linkId}\t1\t${linkId}0`);
    expect(linesOf(gate.takeReport())).toEqual(wanted);
  });

  test("nothing of what was never decided, nor of a request without an instance", () => {
    gate.begin();
    gate.vm.end(gate.envoy.nextContext(), 5);
    gate.vm.request(999, { headers: [[":authority", HOST]], bytes: 5 });
    gate.pass(1);
    expect(gate.envoy.reports).toEqual([]);
  });
});

describe("bounds", () => {
  const KEYS = 16_384;

  /** All lines of the reports that come until there are no more, each of which obeys the wire's bounds. */
  function takeAll(): string[] {
    const lines: string[] = [];
    const from = gate.envoy.monotonic;
    for (;;) {
      gate.pass(1);
      if (gate.envoy.reports.length === 0) return lines;
      const report = gate.takeReport(204);
      expect(linesOf(report).length).toBeLessThanOrEqual(1000);
      expect(report.body.length).toBeLessThanOrEqual(128 * 1024);
      expect(new Set(linesOf(report).map(line => line.split("\t").slice(0, 3).join())).size).toBe(
        linesOf(report).length,
      );
      const age = Number((gate.envoy.monotonic - from) / 1_000_000_000n);
      expect(Math.abs(Number(report.path.searchParams.get("age")) - age)).toBeLessThanOrEqual(1);
      lines.push(...linesOf(report));
    }
  }

  function sumOf(lines: string[], column: number): number {
    return lines.reduce((sum, line) => sum + Number(line.split("\t")[column]), 0);
  }

  test("a stranger with many link ids crowds nobody out: their ids are left out, and the account's own link is counted", () => {
    gate.begin();
    for (let id = 1000; id < 1000 + KEYS; id++) gate.send(HOST, 1, linkAddress(id, "10.1.1.4"));
    gate.send();
    const lines = takeAll();
    expect(sumOf(lines, 3)).toBe(KEYS + 1);
    expect(sumOf(lines, 4)).toBe(KEYS + 100);
    expect(lines).toContain("contoso\tprivate-link\t17\t1\t100");
    const withoutLink = lines.filter(line => line.startsWith("contoso\tlink-id-mismatch\t\t"));
    expect(withoutLink).toHaveLength(1);
    expect(sumOf(withoutLink, 3)).toBe(KEYS - KEYS / 4);
  });

  test("with more accounts than there is room for, the rest is counted under none; nothing is lost", () => {
    const names = Array.from({ length: 20_000 }, (_, at) => `${"a".repeat(50)}-${at + 10_000}`);
    gate.envoy.takeCall().answer(200, [...names.map(name => `+${name}\t1\tenabled\t17`), "=b\tdone", ""].join("\n"));
    gate.begin();
    for (const name of names) gate.send(`${name}.privatelink.${ZONE}`);
    const lines = takeAll();
    expect(sumOf(lines, 3)).toBe(names.length);
    expect(sumOf(lines, 4)).toBe(names.length * 100);
    const uncounted = lines.filter(line => line.startsWith("\tuncounted\t\t"));
    expect(sumOf(uncounted, 3)).toBe(names.length - KEYS + 1);
    expect(Number(gate.envoy.metrics.get("linkgate.report_uncounted"))).toBe(names.length - KEYS + 1);
    const withLink = lines.filter(line => /\tprivate-link\t17\t/.test(line));
    expect(withLink).toHaveLength((KEYS / 4) * 3);
  });

  test("more open requests than there is room for: those are counted at once, without their bytes", () => {
    gate.begin();
    const open = Array.from({ length: 4196 }, () => gate.send(HOST, null));
    gate.pass(1);
    expect(linesOf(gate.takeReport(204))).toEqual(["contoso\tprivate-link\t17\t100\t0"]);
    for (const { context } of open) gate.vm.end(context, 10);
    for (let time = 0; time < 4096; time++) gate.send();
    gate.pass(1);
    expect(linesOf(gate.takeReport(204))).toEqual([`contoso\tprivate-link\t17\t8192\t${4096 * 110}`]);
  });

  test("memory is flat, whether the api takes reports or not", () => {
    gate.begin();
    const round = (status: number) => {
      for (let time = 0; time < 20; time++) {
        for (let id = 1; id < 500; id++) gate.send(HOST, 1, linkAddress(id + time * 500, "10.1.1.4"));
        gate.pass(1);
        for (const report of gate.envoy.reports.splice(0)) report.answer(status, "");
      }
      return gate.vm.memoryBytes;
    };
    round(204);
    const size = round(204);
    expect(round(503)).toBe(size);
    expect(round(204)).toBe(size);
  });
});
