import { linkAddress } from "@linkgate/njs/testing";
import { beforeEach, expect, test } from "vitest";
import { ADMITTED, FollowingGate, HOST, LINK } from "./support/following-gate.ts";
import { settingsOf } from "./support/gate.ts";

// Whose connection a request came on: what the bootstrap kept when that came, and nothing that the request says.

let gate: FollowingGate;
beforeEach(() => {
  gate = new FollowingGate();
});

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
