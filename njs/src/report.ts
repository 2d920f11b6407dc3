import { listKeys, takeLines } from "./counts.ts";

// What was counted goes to the api in reports. One waits in shared memory until it has arrived: another worker may have to go
// on, and sends the same report under the same number, so that the api counts it once. All of this runs under the lock.

const REPORT = "report";
/** The keys that were listed and not taken yet, a line each: all of them have their turn before any comes again. */
const KEYS = "keys";
/** The wire's limits, and the most that a line has beside its key. */
const MOST_LINES = 1000;
const MOST_LENGTH = 128 * 1024;
const NUMBERS_LENGTH = 32;
/** After a minute without news an empty report says that the gate is there. */
const QUIET_MS = 60_000;
const PACE_MS = 1000;

/** One report. Kept as a line of JSON, and the body. */
export type Report = {
  /** 1 for the first. */
  readonly sequence: number;
  readonly incarnation: string;
  /** When it was made, by the monotonic clock in milliseconds. */
  readonly made: number;
  /** When the oldest of it was begun, by the wall clock in milliseconds. */
  readonly begun: number;
  /** True once the api has it, or will never take it. */
  readonly isDone: boolean;
  readonly body: string;
};

/**
 * The report to be sent now: the last one, as long as it has not arrived; else a new one.
 * @param uptime now, in milliseconds since the machine started
 * @returns null when there is nothing to be said
 */
export function prepareReport(incarnation: string, uptime: number): Report | null {
  const last = readReport();
  if (last !== null && !last.isDone) return last;
  const made = { sequence: (last?.sequence ?? 0) + 1, incarnation, made: uptime, isDone: false };
  if (last === null || last.incarnation !== incarnation) {
    return writeReport({ ...made, begun: last?.begun ?? Date.now(), body: "" });
  }
  const quiet = uptime - last.made;
  if (quiet < PACE_MS) return null;
  const left = ngx.shared.lg_report.get(KEYS) ?? "";
  const { keys, begun } = left === "" ? listKeys() : { keys: left, begun: last.begun };
  if (keys === "" && quiet < QUIET_MS) return null;
  const end = findEnd(keys);
  ngx.shared.lg_report.set(KEYS, keys.slice(end)); // before anything is taken: should there be no room, nothing is lost
  return writeReport({ ...made, begun, body: takeLines(keys.slice(0, end)) });
}

/** Notes that a report has arrived, or never will. */
export function settleReport({ sequence }: Report): void {
  const last = readReport();
  if (last === null || last.sequence !== sequence) return; // another worker has gone on
  writeReport({ ...last, isDone: true, body: "" });
}

/** How many reports there were, and whether the last has arrived: for the status page. */
export function describeReports(): { sequence: number; isDone: boolean } {
  const { sequence, isDone } = readReport() ?? { sequence: 0, isDone: true };
  return { sequence, isDone };
}

/** Where the keys of one report end. */
function findEnd(keys: string): number {
  let end = 0;
  for (let lines = 1; lines <= MOST_LINES && end < keys.length; lines++) {
    const next = keys.indexOf("\n", end) + 1;
    if (next + lines * NUMBERS_LENGTH > MOST_LENGTH) break;
    end = next;
  }
  return end;
}

function readReport(): Report | null {
  const text = ngx.shared.lg_report.get(REPORT);
  if (text === undefined) return null;
  const end = text.indexOf("\n");
  return { ...(JSON.parse(text.slice(0, end)) as Omit<Report, "body">), body: text.slice(end + 1) };
}

function writeReport(report: Report): Report {
  const { body, ...rest } = report;
  ngx.shared.lg_report.set(REPORT, `${JSON.stringify(rest)}\n${body}`);
  return report;
}
