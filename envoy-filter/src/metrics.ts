import { REASONS } from "../../core/src/reason.ts";
import * as abi from "./abi.ts";
import { Ascii } from "./bytes.ts";
import * as env from "./env.ts";

// Envoy's stats: `wasmcustom.linkgate.<name>`, one of each for all workers of this Envoy.

/** What the filter refuses by itself, behind core's reasons. */
export const REFUSED_FOR_ERROR: i32 = 13;
export const REFUSED_UPGRADE: i32 = 14;
export const REFUSED_HEALTH_BODY: i32 = 15;
export const REFUSED_METHOD: i32 = 16;
export const REFUSED_OLD_CONNECTION: i32 = 17;
/** No decision, but what reports have for requests that found no room under their own. */
export const UNCOUNTED: i32 = 18;

/** The reasons as the log spells them: core's, then the filter's own. */
export const REASON_TEXTS: Ascii[] = [];
for (let reason = 0; reason < REASONS.length; reason++) REASON_TEXTS.push(new Ascii(REASONS[reason]));
REASON_TEXTS.push(new Ascii("gate-error"));
REASON_TEXTS.push(new Ascii("upgrade"));
REASON_TEXTS.push(new Ascii("health-check-body"));
REASON_TEXTS.push(new Ascii("method"));
REASON_TEXTS.push(new Ascii("old-connection"));
REASON_TEXTS.push(new Ascii("uncounted"));

const decisions: u32[] = [];
let tableAge: u32 = 0;
let tableGeneration: u32 = 0;
let cursorTime: u32 = 0;
let sweeps: u32 = 0;
let feedErrors: u32 = 0;
let reportErrors: u32 = 0;
let uncounted: u32 = 0;

/** Finds the metrics, or makes them. No host call may be made before Envoy has started the VM. */
export function defineMetrics(): void {
  if (decisions.length > 0) return;
  for (let reason = 0; reason < REASONS.length; reason++) {
    decisions.push(define(abi.COUNTER, "linkgate.decisions." + REASONS[reason]));
  }
  decisions.push(define(abi.COUNTER, "linkgate.decisions.gate-error"));
  decisions.push(define(abi.COUNTER, "linkgate.decisions.upgrade"));
  decisions.push(define(abi.COUNTER, "linkgate.decisions.health-check-body"));
  decisions.push(define(abi.COUNTER, "linkgate.decisions.method"));
  decisions.push(define(abi.COUNTER, "linkgate.decisions.old-connection"));
  tableAge = define(abi.GAUGE, "linkgate.table_age_seconds");
  tableGeneration = define(abi.GAUGE, "linkgate.table_generation");
  cursorTime = define(abi.GAUGE, "linkgate.cursor_timestamp_seconds");
  sweeps = define(abi.COUNTER, "linkgate.feed_sweeps");
  feedErrors = define(abi.COUNTER, "linkgate.feed_errors");
  reportErrors = define(abi.COUNTER, "linkgate.report_errors");
  uncounted = define(abi.COUNTER, "linkgate.report_uncounted");
}

function define(kind: u32, name: string): u32 {
  const text = new Ascii(name);
  store<u32>(abi.OUT_NUMBER, 0);
  env.proxy_define_metric(kind, text.start, text.length, abi.OUT_NUMBER);
  return abi.outNumber();
}

/** Counts one decision. */
export function countDecision(reason: i32): void {
  env.proxy_increment_metric(decisions[reason], 1);
}

/** Counts a sweep of the feed that is in force (its cursor is the next poll's acknowledgement). */
export function countSweep(): void {
  env.proxy_increment_metric(sweeps, 1);
}

export function countFeedError(): void {
  env.proxy_increment_metric(feedErrors, 1);
}

export function countReportError(): void {
  env.proxy_increment_metric(reportErrors, 1);
}

/** Counts a request that is reported under no account, since there were too many keys. */
export function countUncounted(): void {
  env.proxy_increment_metric(uncounted, 1);
}

/**
 * Shows the table's age, which grows while the feed can't be followed, its generation, and what moment its cursor stands for: all
 * that was committed before it is in force. @param cursorSeconds since 1970
 */
export function recordTable(ageSeconds: u64, generation: u32, cursorSeconds: u64): void {
  env.proxy_record_metric(tableAge, ageSeconds);
  env.proxy_record_metric(tableGeneration, generation);
  env.proxy_record_metric(cursorTime, cursorSeconds);
}
