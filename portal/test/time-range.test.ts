import { expect, test } from "vitest";
import { divide, RANGES, readRange, sumInBars } from "../src/charts/time-range.ts";

const NOW = Date.parse("2026-11-22T10:59:30Z");
const iso = (time: number | undefined) => new Date(time ?? Number.NaN).toISOString();

test.each([
  ["hour", 60, "2026-11-22T10:00:00.000Z", "2026-11-22T11:00:00.000Z"],
  ["day", 24, "2026-11-21T11:00:00.000Z", "2026-11-22T11:00:00.000Z"],
  ["week", 168, "2026-11-15T11:00:00.000Z", "2026-11-22T11:00:00.000Z"],
] as const)("the last %s is %i bars, of which the last one runs", (range, count, first, end) => {
  const bars = divide(range, NOW);
  expect(bars.starts).toHaveLength(count);
  expect(iso(bars.starts[0])).toBe(first);
  expect(iso(bars.end)).toBe(end);
});

test("days are the person's own, whatever the length of one", () => {
  const { starts, end } = divide("quarter", NOW);
  expect(starts).toHaveLength(90);
  for (const start of [...starts, end]) expect(new Date(start).getHours()).toBe(0);
  expect(starts.at(-1)).toBeLessThanOrEqual(NOW);
  expect(end).toBeGreaterThan(NOW);
});

test("every range has its place in a URL, and nonsense is the last hour", () => {
  for (const range of RANGES) expect(readRange(new URLSearchParams({ range }))).toBe(range);
  expect(readRange(new URLSearchParams({ range: "<script>" }))).toBe("hour");
});

test("what was counted falls into the bar that it was counted in; what is older into none, what is newer into the last", () => {
  const bars = divide("hour", NOW);
  const counts = [
    { at: "2026-11-22T09:59:59Z", requests: 1 },
    { at: "2026-11-22T10:00:00Z", requests: 2 },
    { at: "2026-11-22T10:00:59Z", requests: 4 },
    { at: "2026-11-22T10:59:00Z", requests: 8 },
    { at: "2026-11-22T11:00:00Z", requests: 16 },
    { at: "no time", requests: 32 },
  ];
  const sums = sumInBars(
    bars,
    counts,
    ({ at }) => at,
    ({ requests }) => requests,
  );
  expect(sums[0]).toBe(6);
  expect(sums[59]).toBe(8 + 16);
  expect(sums.reduce((one, other) => one + other)).toBe(30);
});
