import { readFileSync } from "node:fs";
import { join } from "node:path";
import { linkAddress } from "@linkgate/njs/testing";
import { beforeEach, describe, expect, test } from "vitest";
import type { FakeCall, FakeVm } from "../testing/fake-envoy.ts";
import { FakeGate, numberOf, settingsOf } from "./support/gate.ts";

// What a gate tells the api of the requests it decided: call by call, with clocks as the test wants them.

const ZONE = "azurehealthcareapis.com";
const HOST = `contoso.privatelink.${ZONE}`;
const LINK = 17;
const SOURCE = linkAddress(LINK, "10.1.1.4");

let gate: FakeGate;
beforeEach(() => {
  gate = new FakeGate();
  gate.load("+contoso\t5\tenabled\t17", "+fabrikam\t1\tdisabled\t");
});

/** Lets seconds pass, tick by tick; polls hang meanwhile. */
function pass(seconds: number, vm: FakeVm = gate.vm, root = gate.root): void {
  for (let time = 0; time < seconds * 10; time++) {
    gate.envoy.advance(0.1);
    vm.tick(root);
  }
}

/** The report under way. It is answered with the status, if there is one. */
function takeReport(status?: number): FakeCall {
  const report = gate.envoy.takeReport();
  if (status !== undefined) report.answer(status, "");
  return report;
}

/** Has the first, empty report taken, so that the next one is of what is counted from here on. */
function begin(): void {
  pass(0.2);
  takeReport(204);
}

/** A request, which ends after so many bytes; null leaves it open. */
function ask(host = HOST, bytes: number | null = 100, source = SOURCE, head: Record<string, string> = {}) {
  const headers = Object.entries({ ":authority": host, ":path": "/Patient", ":method": "GET", ...head });
  return gate.vm.request(gate.root, { headers, properties: { "source\0address": `[${source}]:50000` }, bytes });
}

function linesOf(report: FakeCall): string[] {
  return report.body.split("\n").slice(0, -1).sort();
}

function sequenceOf(report: FakeCall): number {
  return Number(report.path.searchParams.get("sequence"));
}

function readVersion(): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")).version;
}

function errors(): bigint | undefined {
  return gate.envoy.metrics.get("linkgate.report_errors");
}

describe("when it reports", () => {
  test("first an empty one, which says who it is, without the token", () => {
    gate = new FakeGate({ feedPath: "/base" });
    pass(0.1);
    expect(gate.envoy.reports).toHaveLength(1);
    const report = takeReport();
    const poll = gate.envoy.takeCall();
    expect(report.cluster).toBe("linkgate_feed");
    expect(report.path.pathname).toBe("/base/gate/v1/reports");
    expect(Object.fromEntries(report.path.searchParams)).toEqual({
      gate: "test-gate",
      incarnation: poll.path.searchParams.get("incarnation"),
      reporter: expect.stringMatching(/^[0-9a-f]{16}$/),
      sequence: "1",
      age: "0",
    });
    expect(report.body).toBe("");
    expect(report.headers).toEqual({
      ":method": "POST",
      ":path": expect.any(String),
      ":authority": "feed.example:8443",
      "content-type": "text/plain; charset=us-ascii",
      "user-agent": `linkgate-envoy/${readVersion()}`,
    });
  });

  test("at most one a second, and one under way at a time", () => {
    begin();
    ask();
    pass(0.7);
    expect(gate.envoy.reports).toEqual([]);
    pass(0.3);
    const report = takeReport();
    expect(sequenceOf(report)).toBe(2);
    ask();
    pass(3);
    expect(gate.envoy.reports).toEqual([]);
    report.answer(204, "");
    pass(0.1);
    expect(sequenceOf(takeReport())).toBe(3);
  });

  test("nothing while there is nothing to tell; an empty one after a minute of that", () => {
    begin();
    pass(59);
    expect(gate.envoy.reports).toEqual([]);
    pass(1.2);
    expect(takeReport(204)).toMatchObject({ body: "" });
    pass(59);
    expect(gate.envoy.reports).toEqual([]);
  });

  test("nothing as long as no follower has drawn an incarnation", () => {
    gate = new FakeGate();
    const lease = Buffer.alloc(16, 1); // another's, and not over for long
    gate.envoy.shared.set(`${numberOf()}lease`, { value: lease, cas: gate.envoy.nextCas() });
    pass(3);
    expect(gate.envoy.reports).toEqual([]);
    gate.envoy.shared.clear();
    pass(0.1);
    expect(takeReport().path.searchParams.get("incarnation")).toMatch(/^[0-9a-f]{32}$/);
  });

  test("each VM reports for itself; the instances of a gate in one VM together, and those of another gate apart", () => {
    const second = gate.vm.configure(settingsOf({ listener: "public" }));
    const other = gate.vm.configure(settingsOf({ gate: "other-gate" }));
    const worker = gate.envoy.createVm();
    const root = worker.configure(settingsOf());
    begin();
    pass(0.5, gate.vm, second);
    pass(0.5, worker, root);
    const names = new Set([takeReport(204).path.searchParams.get("reporter")]);
    pass(0.5, gate.vm, other);
    const query = takeReport(204).path.searchParams;
    expect(query.get("gate")).toBe("other-gate");
    expect(names.add(query.get("reporter")).size).toBe(2);
    expect(gate.envoy.reports).toEqual([]);

    ask();
    const headers = Object.entries({ ":authority": `contoso.${ZONE}`, ":path": "/", ":method": "GET" });
    gate.vm.request(second, { headers, properties: { "source\0address": "1.2.3.4:5" }, bytes: 7 });
    pass(1, gate.vm, second);
    expect(linesOf(takeReport())).toEqual(["contoso\tprivate-link\t17\t1\t100", "contoso\tpublic\t\t1\t7"]);
  });
});

describe("what it counts", () => {
  test("requests and bytes by account, reason and link id", () => {
    begin();
    for (let time = 0; time < 3; time++) ask();
    ask(`contoso.${ZONE}`, 5_000_000_000, "2001:db8::7");
    ask(HOST, 1, linkAddress(4_294_967_295, "10.1.1.4"));
    ask(`fabrikam.privatelink.${ZONE}`, 2);
    ask(`fabrikam.${ZONE}`, 3, "2001:db8::7");
    ask(HOST, 4, "2001:db8::7");
    ask(HOST, 5, SOURCE, { ":method": "TRACE" });
    ask(HOST, 6, SOURCE, { upgrade: "websocket" });
    pass(1);
    expect(linesOf(takeReport())).toEqual([
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
    begin();
    for (const account of ["contoso", "nobody", "x".repeat(64)]) {
      ask(`${account}.privatelink.${ZONE}`, 1, "fd40::1");
      ask(`${account}.privatelink.${ZONE}`, 2, "fd40::1", { ":path": "/health/check" });
    }
    ask(`nobody.${ZONE}`, 4, "2001:db8::7");
    ask("example.com", 8);
    pass(1);
    expect(linesOf(takeReport())).toEqual([
      "\thealth-check\t\t1\t2",
      "\tunknown-account\t\t1\t4",
      "\tunknown-host\t\t3\t11",
      "\tunreadable-source\t\t1\t1",
      "contoso\thealth-check\t\t1\t2",
      "contoso\tunreadable-source\t\t1\t1",
    ]);
  });

  test("a removed account's name is none, one of a table that has expired is", () => {
    begin();
    gate.envoy.takeCall().answer(200, "-fabrikam\t2\n=b\tdone\n");
    ask(`fabrikam.privatelink.${ZONE}`, 1, SOURCE, { ":path": "/health/check" });
    gate.envoy.advance(3601);
    ask(HOST, 2);
    gate.vm.tick(gate.root);
    expect(linesOf(takeReport())).toEqual(["\thealth-check\t\t1\t1", "contoso\ttable-unavailable\t17\t1\t2"]);
  });

  test("nobody's name while there is no table", () => {
    gate = new FakeGate();
    begin();
    ask();
    pass(1);
    expect(linesOf(takeReport())).toEqual(["\ttable-unavailable\t17\t1\t100"]);
  });

  test("a request when it ends, however long that takes, with all of its bytes", () => {
    begin();
    const long = ask(HOST, null);
    for (let time = 0; time < 20_000; time++) ask();
    pass(1);
    expect(linesOf(takeReport(204))).toEqual(["contoso\tprivate-link\t17\t20000\t2000000"]);
    gate.vm.end(long.context, 123_456_789_012);
    gate.vm.end(long.context, 1); // nobody's
    pass(1);
    expect(linesOf(takeReport())).toEqual(["contoso\tprivate-link\t17\t1\t123456789012"]);
  });

  test("nothing of what was never decided, nor of a request without an instance", () => {
    begin();
    gate.vm.end(gate.envoy.nextContext(), 5);
    gate.vm.request(999, { headers: [[":authority", HOST]], bytes: 5 });
    pass(1);
    expect(gate.envoy.reports).toEqual([]);
  });
});

describe("a report that is not taken", () => {
  test.each([
    ["no answer", (report: FakeCall) => report.fail()],
    ["503", (report: FakeCall) => report.answer(503, "{}")],
    ["401", (report: FakeCall) => report.answer(401, "{}")],
    ["403", (report: FakeCall) => report.answer(403, "{}")],
    ["200", (report: FakeCall) => report.answer(200, "")],
    ["an answer that never comes", () => pass(6)],
  ])("%s: the same batch again, with its sequence; what comes meanwhile is in the next", (_, refuse) => {
    begin();
    ask();
    pass(1);
    const first = takeReport();
    refuse(first);
    expect(errors()).toBe(1n);
    ask();
    pass(2);
    const second = takeReport(204);
    expect(sequenceOf(second)).toBe(sequenceOf(first));
    expect(second.body).toBe(first.body);
    first.answer(204, ""); // late: nobody's
    pass(1);
    const third = takeReport();
    expect(sequenceOf(third)).toBe(sequenceOf(first) + 1);
    expect(linesOf(third)).toEqual(["contoso\tprivate-link\t17\t1\t100"]);
  });

  test("it waits longer each time, up to ten seconds, and says so once; its age grows", () => {
    begin();
    const from = gate.envoy.monotonic;
    ask();
    const logged = gate.envoy.logLines.length;
    let last = 0n;
    for (let time = 0; time < 10; time++) {
      while (gate.envoy.reports.length === 0) pass(0.1);
      const report = takeReport();
      expect(Number(report.path.searchParams.get("age"))).toBe(Number((gate.envoy.monotonic - from) / 1_000_000_000n));
      expect(Number(gate.envoy.monotonic - last) / 1e9).toBeGreaterThan(0.95);
      if (last !== 0n) expect(Number(gate.envoy.monotonic - last) / 1e9).toBeLessThan(10.3);
      last = gate.envoy.monotonic;
      report.answer(503, "");
    }
    const said = gate.envoy.logLines.slice(logged).filter(line => line.includes("report"));
    expect(said).toEqual(["a report of requests was not taken, and is sent again until it is: 503"]);
  });

  test.each([400, 413])("%i: its counts are lost, the log says so, and the next batch goes on", status => {
    begin();
    ask();
    pass(1);
    takeReport(status);
    expect(errors()).toBe(1n);
    expect(gate.envoy.logLines.at(-1)).toMatch(`whose counts are lost: ${status}`);
    ask(HOST, 7);
    pass(1);
    const next = takeReport();
    expect(sequenceOf(next)).toBe(3);
    expect(linesOf(next)).toEqual(["contoso\tprivate-link\t17\t1\t7"]);
  });

  test("it stays the batch of the incarnation that it was first sent as: elsewhere it would count twice", () => {
    begin();
    ask();
    pass(1);
    const first = takeReport(503);
    gate.envoy.takeCall().answer(410, "!start-over\tdrop\n");
    pass(2);
    const second = takeReport(204);
    expect(second.path.searchParams.get("incarnation")).toBe(first.path.searchParams.get("incarnation"));
    ask();
    pass(1);
    const { incarnation } = Object.fromEntries(takeReport().path.searchParams);
    expect(incarnation).not.toBe(first.path.searchParams.get("incarnation"));
    expect(incarnation).toBe(gate.envoy.takeCall().path.searchParams.get("incarnation"));
  });

  test("a cluster that is not there yet concerns no request, and is tried again", () => {
    gate = new FakeGate();
    gate.load("+contoso\t5\tenabled\t17");
    gate.envoy.hasNoCluster = true;
    pass(1);
    expect(ask().answer).toBeNull();
    gate.envoy.hasNoCluster = false;
    pass(3);
    expect(takeReport(204).body).toBe("");
    pass(1);
    expect(linesOf(takeReport())).toEqual(["contoso\tprivate-link\t17\t1\t100"]);
  });
});

describe("bounds", () => {
  const KEYS = 16_384;

  /** All lines of the reports that come until there are no more, each of which obeys the wire's bounds. */
  function takeAll(): string[] {
    const lines: string[] = [];
    const from = gate.envoy.monotonic;
    for (;;) {
      pass(1);
      if (gate.envoy.reports.length === 0) return lines;
      const report = takeReport(204);
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
    begin();
    for (let id = 1000; id < 1000 + KEYS; id++) ask(HOST, 1, linkAddress(id, "10.1.1.4"));
    ask();
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
    begin();
    for (const name of names) ask(`${name}.privatelink.${ZONE}`);
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
    begin();
    const open = Array.from({ length: 4196 }, () => ask(HOST, null));
    pass(1);
    expect(linesOf(takeReport(204))).toEqual(["contoso\tprivate-link\t17\t100\t0"]);
    for (const { context } of open) gate.vm.end(context, 10);
    for (let time = 0; time < 4096; time++) ask();
    pass(1);
    expect(linesOf(takeReport(204))).toEqual([`contoso\tprivate-link\t17\t8192\t${4096 * 110}`]);
  });

  test("memory is flat, whether the api takes reports or not", () => {
    begin();
    const round = (status: number) => {
      for (let time = 0; time < 20; time++) {
        for (let id = 1; id < 500; id++) ask(HOST, 1, linkAddress(id + time * 500, "10.1.1.4"));
        pass(1);
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
