"use client";

import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useEffect, useMemo, useState } from "react";
import type { ReadOptions } from "../api/queries.ts";
import { type Bars, divide, readRange, type TimeRange } from "./time-range.ts";

/** Which counts are shown, as the URL has it. Empty: all of them. */
export interface CountFilter {
  readonly range: TimeRange;
  readonly account: string;
  readonly reason: string;
  /** Of {@link account}. */
  readonly connection: string;
}

/** Reads what a URL asks for. */
export function readCountFilter(parameters: { get(name: string): string | null }): CountFilter {
  return {
    range: readRange(parameters),
    account: parameters.get("account") ?? "",
    reason: parameters.get("reason") ?? "",
    connection: parameters.get("connection") ?? "",
  };
}

/** The part of a URL that {@link readCountFilter} reads the same from. */
export function writeCountFilter(filter: Partial<CountFilter>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value !== "" && !(name === "range" && value === "hour")) parameters.set(name, value);
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/** What the page shows, and how to show something else. */
export function useCountFilter(): [CountFilter, (change: Partial<CountFilter>) => void] {
  const path = usePathname();
  const router = useRouter();
  const filter = readCountFilter(useSearchParams());
  const change = (part: Partial<CountFilter>) => {
    const next = { ...filter, ...part };
    // A connection's name means something beside its account alone.
    if (next.account !== filter.account) next.connection = "";
    router.replace(path + writeCountFilter(next), { scroll: false });
  };
  return [filter, change];
}

/** The bars of a range. Another one begins, and the first one goes, when the last one is over. */
export function useBars(range: TimeRange): Bars {
  const [now, setNow] = useState(() => Date.now());
  const bars = useMemo(() => divide(range, now), [range, now]);
  useEffect(() => {
    const timer = setTimeout(() => setNow(Date.now()), bars.end - Date.now());
    return () => clearTimeout(timer);
  }, [bars]);
  return bars;
}

/** Milliseconds. */
const LONG_RANGE_EVERY = 60_000;

/**
 * How a report is kept up to date. The bars of a long range hardly change with what came last, and its many rows are work for
 * the API: it is read once a minute, however often the gates tell of requests.
 */
export function followCounts(range: TimeRange): ReadOptions {
  return range === "hour" || range === "day" ? { counted: true } : { refetchInterval: LONG_RANGE_EVERY };
}

/** What the API is asked for, to fill the bars: all up to now, by the API's own clock. */
export function toQuery({ range, ...filter }: CountFilter, { starts }: Bars): Record<string, string | undefined> {
  const orNothing = (text: string) => (text === "" ? undefined : text);
  return {
    step: range === "hour" ? "minute" : "hour",
    from: new Date(starts[0] ?? 0).toISOString(),
    account: orNothing(filter.account),
    reason: orNothing(filter.reason),
    connection: orNothing(filter.connection),
  };
}
