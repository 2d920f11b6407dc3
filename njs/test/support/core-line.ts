import { LINE_REMOVAL, LINE_UPSERT, Line, readLine, writeEntry } from "@linkgate/core";
import { StringSink } from "@linkgate/core/string-sink";
import type { Change } from "../../src/page.ts";

/** The change that core reads at `from`; null if the line is malformed or changes nothing. */
export function readLineByCore(page: string, from: number): Change | null {
  const line = new Line();
  const end = page.indexOf("\n", from);
  const kind = readLine(page, from, end, line);
  if (kind !== LINE_UPSERT && kind !== LINE_REMOVAL) return null;
  const sink = new StringSink();
  writeEntry(page, line, kind, sink);
  return { account: page.slice(line.nameStart, line.nameEnd), entry: sink.text, from, end };
}
