import { linkAddress } from "@linkgate/njs/testing";
import { describe, expect, test } from "vitest";
import type { FakeRequest } from "../testing/fake-envoy.ts";
import { ADMITTED, FollowingGate, HOST, LINK, page } from "./support/following-gate.ts";
import { settingsOf } from "./support/gate.ts";

// What the filter shows in Envoy's own stats. core's reasons are counted row by row in cases.test.ts.

function read(gate: FollowingGate, name: string): number {
  return Number(gate.envoy.metrics.get(`linkgate.${name}`));
}

/** The counters of decisions that are not 0. */
function decisionsOf(gate: FollowingGate): Record<string, number> {
  const counters = [...gate.envoy.metrics].filter(([name, value]) => name.includes(".decisions.") && value !== 0n);
  return Object.fromEntries(counters.map(([name, value]) => [name.replace("linkgate.decisions.", ""), Number(value)]));
}

describe("each decision moves the counter of its reason, and no other", () => {
  const CLIENT = `[${linkAddress(LINK, "10.1.1.4")}]:50000`;
  const OWN: Record<string, [head: Record<string, string>, more?: Partial<FakeRequest>]> = {
    upgrade: [{ upgrade: "websocket" }],
    "health-check-body": [{ ":path": "/health/check" }, { hasBody: true }],
    method: [{ ":method": "TRACE" }],
    "old-connection": [{}, { properties: { "filter_state\0linkgate.connection": `${CLIENT} ${CLIENT} 1` } }],
  };

  test.each(Object.entries(OWN))("%s", (reason, [head, more]) => {
    const gate = new FollowingGate();
    gate.load(ADMITTED);
    const headers = Object.entries({ ":authority": HOST, ":path": "/", ":method": "GET", ...head });
    const properties = { "source\0address": CLIENT };
    expect(gate.vm.request(gate.root, { headers, properties, ...more }).log["linkgate.reason"]).toBe(reason);
    expect(decisionsOf(gate)).toEqual({ [reason]: 1 });
  });

  test("table-unavailable: before the first table, and when it has expired", () => {
    const gate = new FollowingGate();
    expect(gate.statusOf()).toBe(503);
    expect(decisionsOf(gate)).toEqual({ "table-unavailable": 1 });
    gate.load(ADMITTED);
    gate.envoy.advance(3601);
    expect(gate.statusOf()).toBe(503);
    expect(decisionsOf(gate)).toEqual({ "table-unavailable": 2 });
  });

  test("gate-error", () => {
    const gate = new FollowingGate();
    gate.vm.request(999, { headers: [[":authority", HOST]] });
    expect(decisionsOf(gate)).toEqual({ "gate-error": 1 });
  });
});

describe("the cursor's time", () => {
  const START = 1_800_000_000;

  test("is 0 before the first whole table, and again when it was dropped", () => {
    const gate = new FollowingGate();
    gate.vm.tick(gate.root);
    expect(read(gate, "cursor_timestamp_seconds")).toBe(0);
    gate.envoy.takeCall().answer(200, page(ADMITTED, "=a\tmore"));
    expect(read(gate, "cursor_timestamp_seconds")).toBe(0);
    gate.envoy.takeCall().answer(200, page("=b\tdone"));
    expect(read(gate, "cursor_timestamp_seconds")).toBe(START);
    gate.envoy.takeCall().answer(410, "!start-over\tdrop\n");
    gate.untilCalled();
    expect(read(gate, "cursor_timestamp_seconds")).toBe(0);
  });

  test("is that of the sweep's first poll: what was committed later may be missing", () => {
    const gate = new FollowingGate();
    gate.load(ADMITTED);
    gate.pass(3); // the poll under way was sent at the start
    gate.envoy.takeCall().answer(200, page("=b\tmore"));
    gate.pass(2);
    gate.envoy.takeCall().answer(200, page("=c\tdone"));
    expect(read(gate, "cursor_timestamp_seconds")).toBe(START);
    gate.envoy.takeCall().answer(200, page("=d\tdone"));
    expect(read(gate, "cursor_timestamp_seconds")).toBe(START + 5);
  });

  test("of two gates that which is behind shows the lower one, whoever of them was started first", () => {
    const [behind, ahead] = [new FollowingGate(settingsOf()), new FollowingGate(settingsOf())];
    for (const gate of [behind, ahead]) gate.load(ADMITTED);
    for (let second = 0; second < 30; second += 5) {
      for (const gate of [behind, ahead]) gate.pass(5);
      behind.envoy.calls.shift()?.answer(500, "{}");
      for (let page = 0; page < 2; page++) ahead.envoy.takeCall().answer(200, `=c${second}${page}\tdone\n`);
    }
    expect(read(behind, "cursor_timestamp_seconds")).toBe(START);
    expect(read(ahead, "cursor_timestamp_seconds")).toBe(START + 30);
  });
});
