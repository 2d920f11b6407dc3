import { denyForError, Gate } from "./access.ts";
import { Counter } from "./counts.ts";
import { runFollower } from "./follower.ts";
import type { ListenerKind } from "./request.ts";
import { type GateSettings, readGateSettings } from "./settings.ts";
import { answerLiveness, answerReadiness, answerStatus } from "./status.ts";

// The bundle's entry: what deploy/nginx/nginx.conf.template names. A worker keeps this module's state between requests, and
// no two requests are inside a handler at the same time.

let settings: GateSettings | undefined;
let gate: Gate | undefined;
let counter: Counter | undefined;

function readSettings(): GateSettings {
  settings ??= readGateSettings(process.env);
  return settings;
}

/**
 * js_access handler of a listener. Synchronous: NGINX lets a request through whose handler waits for a promise that nobody
 * settles. Whatever is thrown denies (design 3, fail closed).
 */
function check(r: NginxRequest, kind: ListenerKind): void {
  try {
    gate ??= new Gate(readSettings());
    gate.check(r, kind);
  } catch (error) {
    denyForError(r, error);
  }
}

/** js_access handler of the bare way to the upstream. */
function checkHealth(r: NginxRequest): void {
  try {
    gate ??= new Gate(readSettings());
    gate.checkHealth(r, "public");
  } catch (error) {
    denyForError(r, error);
  }
}

function checkDirect(r: NginxRequest): void {
  check(r, "direct");
}

function checkProxy(r: NginxRequest): void {
  check(r, "proxy");
}

function checkPublic(r: NginxRequest): void {
  check(r, "public");
}

/**
 * Handler of the variable that ends the access log's format: NGINX reads it when it writes the log, after the answer was sent.
 * @returns nothing to be logged
 */
function countRequest(r: NginxRequest): string {
  counter ??= new Counter();
  counter.count(r);
  return "";
}

/** js_periodic handler; NGINX logs what it throws. */
async function follow(): Promise<void> {
  await runFollower(readSettings());
}

export default {
  checkDirect,
  checkProxy,
  checkPublic,
  checkHealth,
  countRequest,
  follow,
  answerLiveness,
  answerReadiness,
  answerStatus,
};
