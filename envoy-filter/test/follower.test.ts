import { linkAddress } from "@linkgate/njs/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { ADMITTED, FollowingGate, HOST, LINK, page, REVOKED } from "./support/following-gate.ts";

// The follower against a feed that misbehaves: call by call, with clocks as the test wants them.

let gate: FollowingGate;
beforeEach(() => {
  gate = new FollowingGate();
});

describe("following", () => {
  test("a poll says what the protocol wants, without the token", () => {
    gate = new FollowingGate({ feedPath: "/base", maxTableAge: "60" });
    gate.vm.tick(gate.root);
    const call = gate.envoy.takeCall();
    expect(call.cluster).toBe("linkgate_feed");
    expect(call.headers[":authority"]).toBe("feed.example:8443");
    expect(call.path.pathname).toBe("/base/gate/v1/changes");
    const query = Object.fromEntries(call.path.searchParams);
    expect(query).toMatchObject({ gate: "test-gate", cursor: "", maxAge: "60", wait: "5.0", limit: "2000" });
    expect(query.incarnation).toMatch(/^[0-9a-f]{32}$/);
    expect(Object.keys(call.headers).sort()).toEqual([":authority", ":method", ":path"]);
  });

  test("nobody is admitted before the first whole table (rule 21)", () => {
    expect(gate.statusOf()).toBe(503);
    gate.vm.tick(gate.root);
    gate.envoy.takeCall().answer(200, page(ADMITTED, "=a\tmore"));
    expect(gate.statusOf()).toBe(503);
    gate.envoy.takeCall().answer(200, page("+fabrikam\t1\tdisabled\t", "=b\tdone"));
    expect(gate.statusOf()).toBe(200);
  });

  test("one poll at a time; its answer brings the next at once, with the cursor that acknowledges", () => {
    gate.load(ADMITTED);
    gate.vm.tick(gate.root);
    expect(gate.envoy.calls.length).toBe(1);
    const call = gate.envoy.takeCall();
    expect(call.path.searchParams.get("cursor")).toBe("cursor-1");
    call.answer(200, page(REVOKED, "=c%2/+&=\tdone"));
    expect(gate.statusOf()).toBe(403);
    expect(gate.envoy.takeCall().path.searchParams.get("cursor")).toBe("c%2/+&=");
  });

  test("an older version undoes nothing; a removal keeps its version (rule 19)", () => {
    gate.load(ADMITTED, "-fabrikam\t9");
    gate.envoy.takeCall().answer(200, page("+contoso\t4\tenabled\t", "+fabrikam\t8\tenabled\t17", "=b\tdone"));
    expect(gate.statusOf()).toBe(200);
    expect(gate.statusOf(undefined, HOST.replace("contoso", "fabrikam"))).toBe(403);
  });
});

describe("a feed that misbehaves", () => {
  const BAD: Record<string, [status: number, body: string]> = {
    "a page that was cut": [200, page(REVOKED)],
    "a page cut in a line": [200, `${REVOKED}\n=b\tdo`],
    "a malformed line": [200, page(REVOKED, "+x", "=b\tdone")],
    "an unknown first byte": [200, page(REVOKED, "?x\t1", "=b\tdone")],
    "two answers in one": [200, page(REVOKED, "=b\tdone", "=c\tdone")],
    "nothing at all": [200, ""],
    "a 500": [500, page(REVOKED, "=b\tdone")],
    "a 401": [401, "{}"],
  };
  test.each(Object.entries(BAD))("%s is dropped whole, and asked for again", (_, [status, body]) => {
    gate.load(ADMITTED);
    gate.envoy.takeCall().answer(status, body);
    expect(gate.statusOf()).toBe(200);
    expect(gate.failures).toBe(1);
    expect(gate.envoy.calls).toEqual([]);
    gate.untilCalled();
    expect(gate.envoy.takeCall().path.searchParams.get("cursor")).toBe("cursor-1");
  });

  test("it waits longer each time, up to ten seconds", () => {
    gate.load(ADMITTED);
    const pauses: number[] = [];
    for (let time = 0; time < 10; time++) {
      gate.envoy.takeCall().fail();
      const from = gate.envoy.monotonic;
      gate.untilCalled();
      pauses.push(Number(gate.envoy.monotonic - from) / 1e9);
    }
    expect(pauses[0]).toBeLessThan(0.3);
    expect(pauses.at(-1)).toBeGreaterThan(4.5);
    expect(Math.max(...pauses)).toBeLessThan(10.3);
  });

  test("an answer that never comes is given up, and what comes later is nobody's (rule 17)", () => {
    gate.load(ADMITTED);
    const late = gate.envoy.takeCall();
    expect(late.timeoutMs).toBe(10_000);
    gate.untilCalled();
    late.answer(200, page(REVOKED, "=b\tdone"));
    expect(gate.statusOf()).toBe(200);
  });

  test("a cluster that is not there yet is tried again", () => {
    gate.envoy.hasNoCluster = true;
    gate.vm.tick(gate.root);
    gate.envoy.hasNoCluster = false;
    gate.untilCalled();
    gate.envoy.takeCall().answer(200, page(ADMITTED, "=a\tdone"));
    expect(gate.statusOf()).toBe(200);
  });
});

describe("start over", () => {
  test("keep: the old table serves until the new one is whole, and what it lacks is gone then", () => {
    gate.load(ADMITTED, "+fabrikam\t1\tenabled\t17");
    gate.envoy.takeCall().answer(410, "!start-over\tkeep\n");
    expect(gate.statusOf()).toBe(200);
    gate.untilCalled();
    const call = gate.envoy.takeCall();
    expect(call.path.searchParams.get("cursor")).toBe("");
    call.answer(200, page("+contoso\t1\tenabled\t", "=a\tmore")); // a lower version of another generation
    expect(gate.statusOf()).toBe(200);
    gate.envoy.takeCall().answer(200, page("=b\tdone"));
    expect(gate.statusOf()).toBe(403);
    expect(gate.ask(linkAddress(LINK, "10.1.1.4"), HOST.replace("contoso", "fabrikam")).log["linkgate.reason"]).toBe(
      "unknown-account",
    );
  });

  test("keep, and keep again in the midst of the load: the next load leaves the table in force alone, too (rule 21)", () => {
    gate.load(ADMITTED);
    gate.envoy.takeCall().answer(410, "!start-over\tkeep\n");
    gate.untilCalled();
    gate.envoy.takeCall().answer(200, page("+contoso\t1\tenabled\t", "=a\tmore"));
    gate.envoy.takeCall().answer(410, "!start-over\tkeep\n");
    gate.untilCalled();
    gate.envoy.takeCall().answer(200, page("+contoso\t1\tenabled\t", "=b\tmore"));
    expect(gate.statusOf()).toBe(200);
    gate.envoy.takeCall().answer(200, page("=c\tdone"));
    expect(gate.statusOf()).toBe(403);
  });

  test.each(["!start-over\tdrop\n", "what?", ""])(
    "%j: the table is dropped at once, with its incarnation (rule 25)",
    body => {
      gate.load(ADMITTED);
      const call = gate.envoy.takeCall();
      call.answer(410, body);
      expect(gate.statusOf()).toBe(503);
      gate.untilCalled();
      const next = gate.envoy.takeCall().path.searchParams;
      expect(next.get("cursor")).toBe("");
      expect(next.get("incarnation")).not.toBe(call.path.searchParams.get("incarnation"));
    },
  );
});

describe("age (rule 15)", () => {
  test.each(["wall", "monotonic"] as const)("by the %s clock alone an old table admits nobody by link", clock => {
    gate.load("+contoso\t5\tenabled\t17");
    gate.envoy[clock] += 3_600_000_000_001n;
    expect(gate.statusOf()).toBe(503);
    const publicHost = "contoso.azurehealthcareapis.com";
    expect(gate.statusOf("2001:db8::7", publicHost)).toBe(200);
  });

  test("it counts from the first poll of the sweep; pages do not refresh it", () => {
    gate = new FollowingGate({ maxTableAge: "4" });
    gate.load(ADMITTED);
    const first = gate.envoy.takeCall();
    gate.pass(3);
    first.answer(200, page("=a\tmore"));
    const second = gate.envoy.takeCall();
    gate.pass(1.5);
    second.answer(200, page("=b\tdone"));
    expect(gate.statusOf()).toBe(503); // the sweep's first poll was sent 4.5 s ago
    gate.envoy.takeCall().answer(200, page("=c\tdone"));
    expect(gate.statusOf()).toBe(200);
  });
});
