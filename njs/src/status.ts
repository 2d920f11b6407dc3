import { readUptime } from "./clock.ts";
import { readIncarnation } from "./incarnation.ts";
import { readLease } from "./lease.ts";
import { readLockAge } from "./lock.ts";
import { readFailure } from "./record.ts";
import { describeReports } from "./report.ts";
import { parseState, readStateText, type TableState, zoneOf } from "./table.ts";

/** A page is applied in a fraction of a second: a lock held for longer belongs to a process that was stopped. */
const LONGEST_LOCK_MS = 30_000;

/**
 * Liveness: reads the state and every zone that a request reads or writes. A worker killed inside a write leaves a zone locked
 * for ever; then this never answers, and the supervisor restarts NGINX.
 */
export function answerLiveness(r: NginxRequest): void {
  const state = readState();
  zoneOf(0).get("");
  zoneOf(1).get("");
  ngx.shared.lg_requests.get("");
  ngx.shared.lg_bytes.get("");
  const lockAge = readLockAge(readUptime());
  const isLive = lockAge <= LONGEST_LOCK_MS;
  answer(r, isLive ? 200 : 500, { live: isLive, generation: state.generation, lockAgeSeconds: lockAge / 1000 });
}

/** Readiness: a whole table is in force. One that has expired still serves the public network, and the page says so. */
export function answerReadiness(r: NginxRequest): void {
  const state = readState();
  answer(r, state.zone === null ? 503 : 200, { ready: state.zone !== null, table: describeTable(state, readUptime()) });
}

/** The status page, for people and for the supervisor: everything that the gate knows of itself. */
export function answerStatus(r: NginxRequest): void {
  const state = readState();
  const uptime = readUptime();
  const lease = readLease();
  answer(r, 200, {
    nginx: ngx.version,
    njs: njs.version,
    njsNumber: njs.version_number,
    launch: process.env.LINKGATE_LAUNCH ?? "",
    incarnation: readIncarnation(),
    table: describeTable(state, uptime),
    follower: lease === null ? null : { process: lease.holder, leaseSeconds: (lease.until - uptime) / 1000 },
    lastFailure: readFailure("follower"),
    reports: { ...describeReports(), lastFailure: readFailure("reports") },
    zones: [0, 1].map(zone => ({ capacity: zoneOf(zone).capacity, free: zoneOf(zone).freeSpace() })),
  });
}

function readState(): TableState {
  return parseState(readStateText());
}

function describeTable(state: TableState, uptime: number): object {
  const isExpired = Date.now() > state.expires.wall || uptime > state.expires.uptime;
  return {
    state: state.zone === null ? "none" : isExpired ? "expired" : "current",
    generation: state.generation,
    ageSeconds: state.zone === null ? null : Math.max(Date.now() - state.sent.wall, uptime - state.sent.uptime) / 1000,
    cursor:
      state.cursor === "" ? "none" : state.load !== null ? "loading" : state.sweep !== null ? "in a sweep" : "whole",
  };
}

function answer(r: NginxRequest, status: number, page: object): void {
  r.headersOut["Content-Type"] = "application/json";
  r.headersOut["Cache-Control"] = "no-store";
  r.return(status, `${JSON.stringify(page)}\n`);
}
