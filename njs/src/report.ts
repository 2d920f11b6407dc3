import { takeCounts } from "./counts.ts";

// What was counted goes to the api in reports. They wait in shared memory until they have arrived: another worker may have to
// go on, and sends the same report under the same number, so that the api counts it once. All of this runs under the lock.

const KEY = "report";
/** The wire's limits; a line has less than 160 bytes. */
const MOST_LINES = 1000;
const MOST_LENGTH = 128 * 1024 - 160;
/** After a minute without news an empty report says that the gate is there. */
const QUIET_MS = 60_000;
const PACE_MS = 1000;

/** What waits to be reported, and how far it has come. Kept as a line of JSON, and the lines. */
type Waiting = {
  /** Of the report that is made of the first lines: 1 for the first. */
  readonly sequence: number;
  readonly incarnation: string;
  /** When it was taken from the counts, by the monotonic clock in milliseconds. */
  readonly taken: number;
  /** When the oldest of it was begun, by the wall clock in milliseconds. */
  readonly begun: number;
  /** True once the api has all of it. */
  readonly isDone: boolean;
  readonly lines: string;
};

/** One report, as it is sent. */
export type Report = Pick<Waiting, "sequence" | "incarnation" | "begun"> & { readonly body: string };

/**
 * The report to be sent now: the last one, as long as it has not arrived; else a new one.
 * @param uptime now, in milliseconds since the machine started
 * @returns null when there is nothing to be said
 */
export function prepareReport(incarnation: string, uptime: number): Report | null {
  const last = readWaiting();
  if (last !== null && !last.isDone) return cutReport(last);
  const isFirst = last === null || last.incarnation !== incarnation;
  const quiet = isFirst ? QUIET_MS : uptime - last.taken;
  if (quiet < PACE_MS) return null;
  const { lines, begun } = isFirst ? { lines: "", begun: Date.now() } : takeCounts();
  if (lines === "" && quiet < QUIET_MS) return null;
  const sequence = (last?.sequence ?? 0) + 1;
  const waiting = { sequence, incarnation, taken: uptime, begun, isDone: false, lines };
  writeWaiting(waiting);
  return cutReport(waiting);
}

/** Notes that a report has arrived, or never will: the next lines have their turn. */
export function settleReport({ sequence, body }: Report): void {
  const waiting = readWaiting();
  if (waiting === null || waiting.isDone || waiting.sequence !== sequence) return; // another worker has gone on
  const lines = waiting.lines.slice(body.length);
  writeWaiting(lines === "" ? { ...waiting, isDone: true, lines } : { ...waiting, sequence: sequence + 1, lines });
}

/** How many reports there were, and whether the last has arrived: for the status page. */
export function describeReports(): { sequence: number; isDone: boolean } {
  const { sequence, isDone } = readWaiting() ?? { sequence: 0, isDone: true };
  return { sequence, isDone };
}

function cutReport({ sequence, incarnation, begun, lines }: Waiting): Report {
  let end = 0;
  for (let count = 0; count < MOST_LINES && end < Math.min(lines.length, MOST_LENGTH); count++) {
    end = lines.indexOf("\n", end) + 1;
  }
  return { sequence, incarnation, begun, body: lines.slice(0, end) };
}

function readWaiting(): Waiting | null {
  const text = ngx.shared.lg_report.get(KEY);
  if (text === undefined) return null;
  const end = text.indexOf("\n");
  return { ...(JSON.parse(text.slice(0, end)) as Omit<Waiting, "lines">), lines: text.slice(end + 1) };
}

function writeWaiting({ lines, ...rest }: Waiting): void {
  ngx.shared.lg_report.set(KEY, `${JSON.stringify(rest)}\n${lines}`);
}
