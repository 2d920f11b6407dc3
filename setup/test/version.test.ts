import { expect, it } from "vitest";
import { compareVersions } from "../version.mjs";

it.each([
  ["1.30.6", "1.29", 1],
  ["1.29", "1.29.0", 0],
  ["1.9.15", "1.29", -1],
  ["0.9.9", "1.0.1", -1],
  ["1.0.1", "1.0.1", 0],
  ["1.0.10", "1.0.9", 1],
  ["v24.0.0", "24", 0],
  ["1.29.0~rc1-2+b1", "1.29", 0],
])("compares %s with %s", (left, right, sign) => {
  expect(Math.sign(compareVersions(left, right))).toBe(sign);
  expect(Math.sign(compareVersions(right, left))).toBe(-sign + 0);
});

it("refuses what is no version", () => {
  expect(() => compareVersions("unknown", "1.0")).toThrow('"unknown" is no version');
});
