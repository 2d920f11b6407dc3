import { linkAddress } from "@linkgate/njs/testing";
import { beforeEach, expect, test } from "vitest";
import { ADMITTED, FollowingGate, LINK, page } from "./support/following-gate.ts";

// The filter writes over nothing, and its memory stays as large as it was.

let gate: FollowingGate;
beforeEach(() => {
  gate = new FollowingGate();
});

test("a host of any length is no account, and writes over nothing", () => {
  gate.load(ADMITTED);
  for (const length of [63, 64, 65, 100, 1000, 60_000]) {
    const host = `${"a".repeat(length)}.privatelink.azurehealthcareapis.com`;
    const reason = length > 63 ? "unknown-host" : "unknown-account";
    expect(gate.ask(linkAddress(LINK, "10.1.1.4"), host).log["linkgate.reason"]).toBe(reason);
    expect(gate.statusOf()).toBe(200);
    expect(gate.statusOf(linkAddress(LINK + 1, "10.1.1.4"))).toBe(403);
  }
});

test("it is flat over many requests, polls and changes", () => {
  gate.load(ADMITTED);
  let version = 5;
  const round = () => {
    for (let time = 0; time < 200; time++) {
      const lines = Array.from({ length: 50 }, (_, at) => `+a${at}\t${++version}\tenabled\t${version},${version + 1}`);
      gate.envoy.takeCall().answer(200, page(...lines, `=c${version}\tdone`));
      for (let request = 0; request < 50; request++) gate.statusOf();
    }
    return gate.vm.memoryBytes;
  };
  expect(round()).toBe(round());
});
