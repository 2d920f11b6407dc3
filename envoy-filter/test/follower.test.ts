import { linkAddress } from "@linkgate/njs/testing";
import { beforeEach, describe, expect, test } from "vitest";
import type { FakeVm } from "../testing/fake-envoy.ts";
import { FakeGate, numberOf, settingsOf } from "./support/gate.ts";

// The follower against a feed that misbehaves, and against other followers: call by call, with clocks as the test wants them.

const HOST = "contoso.privatelink.azurehealthcareapis.com";
const LINK = 17;
const ADMITTED = "+contoso\t5\tenabled\t17";
const REVOKED = "+contoso\t6\tenabled\t";

let gate: FakeGate;
beforeEach(() => {
  gate = new FakeGate();
});

/** The status that a client of the link gets. */
function ask(source = linkAddress(LINK, "10.1.1.4"), host = HOST): number {
  return gate.ask(source, host).answer?.status ?? 200;
}

/** Lets time pass, tick by tick, until a follower calls. */
function untilCalled(vm: FakeVm = gate.vm, root = gate.root): void {
  for (let time = 0; gate.envoy.calls.length === 0; time += 0.1) {
    if (time > 30) throw new Error("nobody calls the feed");
    gate.envoy.advance(0.1);
    vm.tick(root);
  }
}

/** Lets seconds pass, tick by tick. */
function pass(seconds: number): void {
  for (let time = 0; time < seconds; time += 0.5) {
    gate.envoy.advance(0.5);
    gate.vm.tick(gate.root);
  }
}

function page(...lines: string[]): string {
  return [...lines, ""].join("\n");
}

function failures(): number {
  return gate.envoy.shared.get(`${numberOf()}failure`)?.value.readUInt32LE() ?? 0;
}

describe("following", () => {
  test("a poll says what the protocol wants, without the token", () => {
    gate = new FakeGate({ feedPath: "/base", maxTableAge: "60" });
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
    expect(ask()).toBe(503);
    gate.vm.tick(gate.root);
    gate.envoy.takeCall().answer(200, page(ADMITTED, "=a\tmore"));
    expect(ask()).toBe(503);
    gate.envoy.takeCall().answer(200, page("+fabrikam\t1\tdisabled\t", "=b\tdone"));
    expect(ask()).toBe(200);
  });

  test("one poll at a time; its answer brings the next at once, with the cursor that acknowledges", () => {
    gate.load(ADMITTED);
    gate.vm.tick(gate.root);
    expect(gate.envoy.calls.length).toBe(1);
    const call = gate.envoy.takeCall();
    expect(call.path.searchParams.get("cursor")).toBe("cursor-1");
    call.answer(200, page(REVOKED, "=c%2/+&=\tdone"));
    expect(ask()).toBe(403);
    expect(gate.envoy.takeCall().path.searchParams.get("cursor")).toBe("c%2/+&=");
  });

  test("an older version undoes nothing; a removal keeps its version (rule 19)", () => {
    gate.load(ADMITTED, "-fabrikam\t9");
    gate.envoy.takeCall().answer(200, page("+contoso\t4\tenabled\t", "+fabrikam\t8\tenabled\t17", "=b\tdone"));
    expect(ask()).toBe(200);
    expect(ask(undefined, HOST.replace("contoso", "fabrikam"))).toBe(403);
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
    expect(ask()).toBe(200);
    expect(failures()).toBe(1);
    expect(gate.envoy.calls).toEqual([]);
    untilCalled();
    expect(gate.envoy.takeCall().path.searchParams.get("cursor")).toBe("cursor-1");
  });

  test("it waits longer each time, up to ten seconds", () => {
    gate.load(ADMITTED);
    const pauses: number[] = [];
    for (let time = 0; time < 10; time++) {
      gate.envoy.takeCall().fail();
      const from = gate.envoy.monotonic;
      untilCalled();
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
    untilCalled();
    late.answer(200, page(REVOKED, "=b\tdone"));
    expect(ask()).toBe(200);
  });

  test("a cluster that is not there yet is tried again", () => {
    gate.envoy.hasNoCluster = true;
    gate.vm.tick(gate.root);
    gate.envoy.hasNoCluster = false;
    untilCalled();
    gate.envoy.takeCall().answer(200, page(ADMITTED, "=a\tdone"));
    expect(ask()).toBe(200);
  });
});

describe("start over", () => {
  test("keep: the old table serves until the new one is whole, and what it lacks is gone then", () => {
    gate.load(ADMITTED, "+fabrikam\t1\tenabled\t17");
    gate.envoy.takeCall().answer(410, "!start-over\tkeep\n");
    expect(ask()).toBe(200);
    untilCalled();
    const call = gate.envoy.takeCall();
    expect(call.path.searchParams.get("cursor")).toBe("");
    call.answer(200, page("+contoso\t1\tenabled\t", "=a\tmore")); // a lower version of another generation
    expect(ask()).toBe(200);
    gate.envoy.takeCall().answer(200, page("=b\tdone"));
    expect(ask()).toBe(403);
    expect(gate.ask(linkAddress(LINK, "10.1.1.4"), HOST.replace("contoso", "fabrikam")).log["linkgate.reason"]).toBe(
      "unknown-account",
    );
  });

  test("keep, and keep again in the midst of the load: the next load leaves the table in force alone, too (rule 21)", () => {
    gate.load(ADMITTED);
    gate.envoy.takeCall().answer(410, "!start-over\tkeep\n");
    untilCalled();
    gate.envoy.takeCall().answer(200, page("+contoso\t1\tenabled\t", "=a\tmore"));
    gate.envoy.takeCall().answer(410, "!start-over\tkeep\n");
    untilCalled();
    gate.envoy.takeCall().answer(200, page("+contoso\t1\tenabled\t", "=b\tmore"));
    expect(ask()).toBe(200);
    gate.envoy.takeCall().answer(200, page("=c\tdone"));
    expect(ask()).toBe(403);
  });

  test.each(["!start-over\tdrop\n", "what?", ""])(
    "%j: the table is dropped at once, with its incarnation (rule 25)",
    body => {
      gate.load(ADMITTED);
      const call = gate.envoy.takeCall();
      call.answer(410, body);
      expect(ask()).toBe(503);
      untilCalled();
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
    expect(ask()).toBe(503);
    const publicHost = "contoso.azurehealthcareapis.com";
    expect(ask("2001:db8::7", publicHost)).toBe(200);
  });

  test("it counts from the first poll of the sweep; pages do not refresh it", () => {
    gate = new FakeGate({ maxTableAge: "4" });
    gate.load(ADMITTED);
    const first = gate.envoy.takeCall();
    pass(3);
    first.answer(200, page("=a\tmore"));
    const second = gate.envoy.takeCall();
    pass(1.5);
    second.answer(200, page("=b\tdone"));
    expect(ask()).toBe(503); // the sweep's first poll was sent 4.5 s ago
    gate.envoy.takeCall().answer(200, page("=c\tdone"));
    expect(ask()).toBe(200);
  });
});

describe("several followers", () => {
  function addWorker(): [FakeVm, number] {
    const vm = gate.envoy.createVm();
    return [vm, vm.configure(settingsOf())];
  }

  test("one follows; every worker sees its table", () => {
    const [vm, root] = addWorker();
    gate.load(ADMITTED);
    vm.tick(root);
    expect(gate.envoy.calls.length).toBe(1);
    const properties = { "source\0address": `[${linkAddress(LINK, "10.1.1.4")}]:1` };
    const headers: [string, string][] = [
      [":authority", HOST],
      [":path", "/"],
      [":method", "GET"],
    ];
    expect(vm.request(root, { headers, properties }).answer).toBeNull();
  });

  test("one that ticks no more is replaced within three seconds, from its cursor; its late answer is nobody's", () => {
    const [vm, root] = addWorker();
    gate.load(ADMITTED);
    const late = gate.envoy.takeCall();
    const from = gate.envoy.monotonic;
    untilCalled(vm, root);
    expect(Number(gate.envoy.monotonic - from) / 1e9).toBeLessThan(3);
    const call = gate.envoy.takeCall();
    expect(call.path.searchParams.get("cursor")).toBe("cursor-1");
    expect(call.path.searchParams.get("incarnation")).toBe(late.path.searchParams.get("incarnation"));
    call.answer(200, page(REVOKED, "=b\tdone"));
    late.answer(200, page("+contoso\t7\tenabled\t17", "=z\tdone"));
    expect(ask()).toBe(403);
  });

  test("one that is overtaken in the middle of a page undoes nothing (rules 18 to 20)", () => {
    const [vm, root] = addWorker();
    gate.load(ADMITTED);
    const slow = gate.envoy.takeCall();
    // While the first writes a record, its lease ends and another follower brings a newer one.
    gate.envoy.beforeWrite = () => {
      gate.envoy.advance(3);
      vm.tick(root);
      gate.envoy.takeCall().answer(200, page("+contoso\t7\tenabled\t", "=new\tdone"));
    };
    slow.answer(200, page("+contoso\t6\tenabled\t17,18", "=old\tdone"));
    expect(ask()).toBe(403);
    expect(gate.envoy.takeCall().path.searchParams.get("cursor")).toBe("new");
    expect(gate.envoy.calls).toEqual([]);
  });

  test("a load that is overtaken swaps no stale table in (rule 20)", () => {
    const [vm, root] = addWorker();
    gate.vm.tick(gate.root);
    const slow = gate.envoy.takeCall();
    gate.envoy.beforeWrite = () => {
      gate.envoy.advance(3);
      vm.tick(root);
      gate.envoy.takeCall().answer(200, page(REVOKED, "=new\tdone"));
    };
    slow.answer(200, page(ADMITTED, "=old\tdone"));
    expect(ask()).toBe(403);
  });
});

describe("memory", () => {
  test("a host of any length is no account, and writes over nothing", () => {
    gate.load(ADMITTED);
    for (const length of [63, 64, 65, 100, 1000, 60_000]) {
      const host = `${"a".repeat(length)}.privatelink.azurehealthcareapis.com`;
      const reason = length > 63 ? "unknown-host" : "unknown-account";
      expect(gate.ask(linkAddress(LINK, "10.1.1.4"), host).log["linkgate.reason"]).toBe(reason);
      expect(ask()).toBe(200);
      expect(ask(linkAddress(LINK + 1, "10.1.1.4"))).toBe(403);
    }
  });

  test("it is flat over many requests, polls and changes", () => {
    gate.load(ADMITTED);
    let version = 5;
    const round = () => {
      for (let time = 0; time < 200; time++) {
        const lines = Array.from(
          { length: 50 },
          (_, at) => `+a${at}\t${++version}\tenabled\t${version},${version + 1}`,
        );
        gate.envoy.takeCall().answer(200, page(...lines, `=c${version}\tdone`));
        for (let request = 0; request < 50; request++) ask();
      }
      return gate.vm.memoryBytes;
    };
    expect(round()).toBe(round());
  });
});

describe("configuration", () => {
  test.each([
    ["no JSON", "x"],
    ["nothing", "{}"],
    ["an unknown setting", JSON.stringify(settingsOf({ color: "red" }))],
    ["an unknown listener", JSON.stringify(settingsOf({ listener: "any" }))],
    ["an age of 0", JSON.stringify(settingsOf({ maxTableAge: "0" }))],
    ["a quarantine of 0", JSON.stringify(settingsOf({ linkQuarantine: "0" }))],
    ["an age beyond a week", JSON.stringify(settingsOf({ maxTableAge: "604801" }))],
    ["a bad zone", JSON.stringify(settingsOf({ zones: "a/a" }))],
    ["a bad mode", JSON.stringify(settingsOf({ linkTlv: "on" }))],
    ["an escape", '{"listener":"dir\\u0065ct"}'],
    ["something behind", `${JSON.stringify(settingsOf())}x`],
  ])("%s is refused", (_, text) => {
    expect(gate.vm.configure(text)).toBe(0);
  });

  describe("whose connection it is", () => {
    const CLIENT = `[${linkAddress(LINK, "10.1.1.4")}]:50000`;
    const STRANGER = `[${linkAddress(LINK + 1, "10.1.1.4")}]:50000`;
    const reasonOf = (listener: string, properties: Record<string, string>, more: Record<string, string> = {}) => {
      gate.load(ADMITTED);
      const root = gate.vm.configure(settingsOf({ listener, ...more }));
      const headers: [string, string][] = [
        [":authority", HOST],
        [":path", "/"],
        [":method", "GET"],
      ];
      return gate.vm.request(root, { headers, properties }).log["linkgate.reason"];
    };

    test.each([
      ["direct", `${CLIENT} ${CLIENT}`, "private-link"],
      ["direct", CLIENT, "unreadable-source"], // cut
      ["direct", "", "unreadable-source"],
      ["proxy", `${CLIENT} 10.0.0.9:4242`, "private-link"],
      ["proxy", `${CLIENT} ${CLIENT}`, "unreadable-source"], // PROXY LOCAL
      ["proxy", `${CLIENT} ${CLIENT}0`, "private-link"],
      ["proxy-untrusted", `${CLIENT} 10.0.0.9:4242`, "unreadable-source"],
      ["proxy", `${CLIENT} ${CLIENT} 1800000000000`, "unreadable-source"],
      ["proxy", `${CLIENT} 10.0.0.9:4242 1800000000000`, "private-link"],
    ])("on the listener %s by %j: %s, whatever the request's own address says", (listener, connection, reason) => {
      for (const request of [CLIENT, STRANGER]) {
        const properties = { "filter_state\0linkgate.connection": connection, "source\0address": request };
        expect(reasonOf(listener, properties)).toBe(reason);
      }
    });

    // Now it is 1,800,000,000,000 ms since 1970, and links are in quarantine for 2 s.
    test.each([
      ["1799999998000", "private-link"],
      ["1799999997999", "old-connection"],
      ["1800000000001", "old-connection"], // the clock was set back
      ["", "old-connection"],
      ["-", "old-connection"],
      ["9999999999999999", "old-connection"],
    ])("a connection that came at %j: %s, by whatever listener (rule 28)", (came, reason) => {
      for (const listener of ["direct", "proxy"]) {
        const properties = { "filter_state\0linkgate.connection": `${CLIENT} 10.0.0.9:4242 ${came}` };
        expect(reasonOf(listener, properties, { linkQuarantine: "2" })).toBe(reason);
      }
    });

    test("an old connection is answered 421, and its health checks pass", () => {
      gate.load(ADMITTED);
      const root = gate.vm.configure(settingsOf({ linkQuarantine: "2" }));
      const properties = { "filter_state\0linkgate.connection": `${CLIENT} ${CLIENT} 1` };
      const ask = (path: string) =>
        gate.vm.request(root, {
          headers: [
            [":authority", HOST],
            [":path", path],
            [":method", "GET"],
          ],
          properties,
        });
      expect(ask("/").answer).toMatchObject({ status: 421, details: "old-connection" });
      expect(ask("/health/check").answer).toBeNull();
    });

    test.each([
      ["direct", "private-link"],
      ["proxy", "unreadable-source"], // nobody could tell LOCAL
    ])("where the bootstrap says nothing, on the listener %s: %s", (listener, reason) => {
      expect(reasonOf(listener, { "source\0address": CLIENT })).toBe(reason);
    });
  });

  test("a request of an instance that nobody knows is denied", () => {
    const outcome = gate.vm.request(999, {
      headers: [
        [":authority", HOST],
        [":path", "/health/check"],
        [":method", "GET"],
      ],
    });
    expect(outcome.answer).toMatchObject({ status: 403, details: "gate-error" });
  });
});
