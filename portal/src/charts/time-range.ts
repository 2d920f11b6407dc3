/** A span of time that ends now, and the bars that it is drawn in. */
export type TimeRange = "hour" | "day" | "week" | "quarter";
/** What one bar stands for. */
export type BarUnit = "minute" | "hour" | "day";

export const RANGES: readonly TimeRange[] = ["hour", "day", "week", "quarter"];

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The API keeps minutes for a day, and hours for ninety days. */
const BARS: Readonly<Record<TimeRange, { readonly unit: BarUnit; readonly count: number }>> = {
  hour: { unit: "minute", count: 60 },
  day: { unit: "hour", count: 24 },
  week: { unit: "hour", count: 7 * 24 },
  quarter: { unit: "day", count: 90 },
};

/** The bars of a range. */
export interface Bars {
  readonly unit: BarUnit;
  /** Milliseconds since 1970 at which each begins, the oldest first. */
  readonly starts: readonly number[];
  /** Where the last one ends. */
  readonly end: number;
}

/** Reads a range out of a URL; the last hour where there is none. */
export function readRange(parameters: { get(name: string): string | null }): TimeRange {
  return RANGES.find(range => range === parameters.get("range")) ?? "hour";
}

/** The bars of a range whose last one has the moment `now` in it. Days are the person's own, from midnight to midnight. */
export function divide(range: TimeRange, now: number): Bars {
  const { unit, count } = BARS[range];
  const starts = Array.from({ length: count + 1 }, (_, index) => startOf(unit, now, index - count + 1));
  return { unit, starts: starts.slice(0, count), end: starts[count] ?? now };
}

function startOf(unit: BarUnit, now: number, offset: number): number {
  if (unit === "day") {
    const today = new Date(now);
    return new Date(today.getFullYear(), today.getMonth(), today.getDate() + offset).getTime();
  }
  const length = unit === "minute" ? MINUTE : HOUR;
  return (Math.floor(now / length) + offset) * length;
}

/**
 * What was counted in each bar. What is older than all of them is not shown; what is newer is of the last one, since a
 * browser's clock may be behind the gates'.
 */
export function sumInBars<T>(bars: Bars, counts: readonly T[], at: (count: T) => string, of: (count: T) => number) {
  const sums = bars.starts.map(() => 0);
  for (const count of counts) {
    const time = Date.parse(at(count));
    const index = bars.starts.findLastIndex(start => start <= time);
    if (index >= 0) sums[index] = (sums[index] ?? 0) + of(count);
  }
  return sums;
}
