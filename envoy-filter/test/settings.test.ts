import { beforeEach, expect, test } from "vitest";
import { FollowingGate, HOST } from "./support/following-gate.ts";
import { settingsOf } from "./support/gate.ts";

// What the filter takes for the configuration of an instance.

let gate: FollowingGate;
beforeEach(() => {
  gate = new FollowingGate();
});

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
