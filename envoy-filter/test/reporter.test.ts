import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { FakeCall } from "../testing/fake-envoy.ts";
import { numberOf, settingsOf } from "./support/gate.ts";
import { HOST, linesOf, ReportingGate, ZONE } from "./support/reporting-gate.ts";

// When a gate tells the api what it counted, and what becomes of it: call by call, with clocks as the test wants them.

let gate: ReportingGate;
beforeEach(() => {
  gate = ReportingGate.make();
});

function sequenceOf(report: FakeCall): number {
  return Number(report.path.searchParams.get("sequence"));
}

function errors(): bigint | undefined {
  return gate.envoy.metrics.get("linkgate.report_errors");
}

function readVersion(): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")).version;
}

describe("when it reports", () => {
  test("first an empty one, which says who it is, without the token", () => {
    gate = new ReportingGate({ feedPath: "/base" });
    gate.pass(0.1);
    expect(gate.envoy.reports).toHaveLength(1);
    const report = gate.takeReport();
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

  test("it tells Envoy's version, where the host does", () => {
    gate = new ReportingGate();
    const version = { major_number: 1, minor_number: 40, patch: 0 };
    for (const [part, number] of Object.entries(version)) {
      const value = Buffer.alloc(8);
      value.writeBigUInt64LE(BigInt(number));
      const path = `xds\0node\0user_agent_build_version\0version\0${part}`;
      gate.envoy.attributes.set(path, value.toString("latin1"));
    }
    gate.pass(0.2);
    expect(gate.takeReport().headers["user-agent"]).toBe(`linkgate-envoy/${readVersion()} envoy/1.40.0`);
  });

  test("at most one a second, and one under way at a time", () => {
    gate.begin();
    gate.send();
    gate.pass(0.7);
    expect(gate.envoy.reports).toEqual([]);
    gate.pass(0.3);
    const report = gate.takeReport();
    expect(sequenceOf(report)).toBe(2);
    gate.send();
    gate.pass(3);
    expect(gate.envoy.reports).toEqual([]);
    report.answer(204, "");
    gate.pass(0.1);
    expect(sequenceOf(gate.takeReport())).toBe(3);
  });

  test("each count once, in the report that follows it, however many there are", () => {
    gate.begin();
    for (let round = 1; round <= 5; round++) {
      for (let time = 0; time < round; time++) gate.send();
      gate.pass(1);
      expect(linesOf(gate.takeReport(204))).toEqual([`contoso\tprivate-link\t17\t${round}\t${round * 100}`]);
    }
  });

  test("the age is that of the oldest count", () => {
    gate.begin();
    gate.pass(30);
    gate.send();
    gate.pass(1);
    const hung = gate.takeReport();
    expect(hung.path.searchParams.get("age")).toMatch(/^[01]$/);
    for (let time = 0; time < 4; time++) {
      gate.send();
      gate.pass(1);
    }
    hung.answer(204, "");
    gate.pass(0.1);
    expect(gate.takeReport().path.searchParams.get("age")).toBe("4");
  });

  test("nothing while there is nothing to tell; an empty one after a minute of that", () => {
    gate.begin();
    gate.pass(59);
    expect(gate.envoy.reports).toEqual([]);
    gate.pass(1.2);
    expect(gate.takeReport(204)).toMatchObject({ body: "" });
    gate.pass(59);
    expect(gate.envoy.reports).toEqual([]);
  });

  test("nothing as long as no follower has drawn an incarnation", () => {
    gate = new ReportingGate();
    const lease = Buffer.alloc(16, 1); // another's, and not over for long
    gate.envoy.shared.set(`${numberOf()}lease`, { value: lease, cas: gate.envoy.nextCas() });
    gate.pass(3);
    expect(gate.envoy.reports).toEqual([]);
    gate.envoy.shared.clear();
    gate.pass(0.1);
    expect(gate.takeReport().path.searchParams.get("incarnation")).toMatch(/^[0-9a-f]{32}$/);
  });

  test("each VM reports for itself; the instances of a gate in one VM together, and those of another gate apart", () => {
    const second = gate.vm.configure(settingsOf({ listener: "public" }));
    const other = gate.vm.configure(settingsOf({ gate: "other-gate" }));
    const worker = gate.envoy.createVm();
    const root = worker.configure(settingsOf());
    gate.begin();
    gate.pass(0.5, gate.vm, second);
    gate.pass(0.5, worker, root);
    const names = new Set([gate.takeReport(204).path.searchParams.get("reporter")]);
    gate.pass(0.5, gate.vm, other);
    const query = gate.takeReport(204).path.searchParams;
    expect(query.get("gate")).toBe("other-gate");
    expect(names.add(query.get("reporter")).size).toBe(2);
    expect(gate.envoy.reports).toEqual([]);

    gate.send();
    const headers = Object.entries({ ":authority": `contoso.${ZONE}`, ":path": "/", ":method": "GET" });
    gate.vm.request(second, { headers, properties: { "source\0address": "1.2.3.4:5" }, bytes: 7 });
    gate.pass(1, gate.vm, second);
    expect(linesOf(gate.takeReport())).toEqual(["contoso\tprivate-link\t17\t1\t100", "contoso\tpublic\t\t1\t7"]);
  });
});

describe("a report that is not taken", () => {
  test.each([
    ["no answer", (report: FakeCall) => report.fail()],
    ["503", (report: FakeCall) => report.answer(503, "{}")],
    ["401", (report: FakeCall) => report.answer(401, "{}")],
    ["403", (report: FakeCall) => report.answer(403, "{}")],
    ["200", (report: FakeCall) => report.answer(200, "")],
    ["an answer that never comes", () => gate.pass(6)],
  ])("%s: the same batch again, with its sequence; what comes meanwhile is in the next", (_, refuse) => {
    gate.begin();
    gate.send();
    gate.pass(1);
    const first = gate.takeReport();
    refuse(first);
    expect(errors()).toBe(1n);
    gate.send();
    gate.pass(2);
    const second = gate.takeReport(204);
    expect(sequenceOf(second)).toBe(sequenceOf(first));
    expect(second.body).toBe(first.body);
    first.answer(204, ""); // late: nobody's
    gate.pass(1);
    const third = gate.takeReport();
    expect(sequenceOf(third)).toBe(sequenceOf(first) + 1);
    expect(linesOf(third)).toEqual(["contoso\tprivate-link\t17\t1\t100"]);
  });

  test("it waits longer each time, up to ten seconds, and says so once; its age grows", () => {
    gate.begin();
    const from = gate.envoy.monotonic;
    gate.send();
    const logged = gate.envoy.logLines.length;
    const sent: number[] = [];
    for (let time = 0; time < 10; time++) {
      while (gate.envoy.reports.length === 0) gate.pass(0.1);
      const report = gate.takeReport();
      expect(Number(report.path.searchParams.get("age"))).toBe(Number((gate.envoy.monotonic - from) / 1_000_000_000n));
      sent.push(Number(gate.envoy.monotonic - from) / 1e9);
      report.answer(503, "");
    }
    const pauses = sent.slice(1).map((time, at) => time - (sent[at] ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThan(0.95);
    expect(Math.max(...pauses)).toBeGreaterThan(4.5);
    expect(Math.max(...pauses)).toBeLessThan(10.3);
    const said = gate.envoy.logLines.slice(logged).filter(line => line.includes("report"));
    expect(said).toEqual(["a report of requests was not taken, and is sent again until it is: 503"]);
  });

  test.each([400, 413])("%i: its counts are lost, the log says so, and the next batch goes on", status => {
    gate.begin();
    gate.send();
    gate.pass(1);
    gate.takeReport(status);
    expect(errors()).toBe(1n);
    expect(gate.envoy.logLines.at(-1)).toMatch(`whose counts are lost: ${status}`);
    gate.send(HOST, 7);
    gate.pass(1);
    const next = gate.takeReport();
    expect(sequenceOf(next)).toBe(3);
    expect(linesOf(next)).toEqual(["contoso\tprivate-link\t17\t1\t7"]);
  });

  test("it stays the batch of the incarnation that it was first sent as: elsewhere it would count twice", () => {
    gate.begin();
    gate.send();
    gate.pass(1);
    const first = gate.takeReport(503);
    gate.envoy.takeCall().answer(410, "!start-over\tdrop\n");
    gate.pass(2);
    const second = gate.takeReport(204);
    expect(second.path.searchParams.get("incarnation")).toBe(first.path.searchParams.get("incarnation"));
    gate.send();
    gate.pass(1);
    const { incarnation } = Object.fromEntries(gate.takeReport().path.searchParams);
    expect(incarnation).not.toBe(first.path.searchParams.get("incarnation"));
    expect(incarnation).toBe(gate.envoy.takeCall().path.searchParams.get("incarnation"));
  });

  test("a cluster that is not there yet concerns no request, and is tried again", () => {
    gate = new ReportingGate();
    gate.load("+contoso\t5\tenabled\t17");
    gate.envoy.hasNoCluster = true;
    gate.pass(1);
    expect(gate.send().answer).toBeNull();
    gate.envoy.hasNoCluster = false;
    gate.pass(3);
    expect(gate.takeReport(204).body).toBe("");
    gate.pass(1);
    expect(linesOf(gate.takeReport())).toEqual(["contoso\tprivate-link\t17\t1\t100"]);
  });
});
