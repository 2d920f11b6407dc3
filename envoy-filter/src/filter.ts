import { Listener, TLV_OFF } from "../../core/src/source.ts";
import * as abi from "./abi.ts";
import { checkRequest, decided } from "./access.ts";
import { Ascii } from "./bytes.ts";
import * as env from "./env.ts";
import { Follower, TICK_MS } from "./follower.ts";
import { defineMetrics } from "./metrics.ts";
import { closeRequest } from "./open-requests.ts";
import { Reporter } from "./reporter.ts";
import {
  LISTENER_DIRECT,
  LISTENER_PROXY,
  LISTENER_STATUS,
  LISTENER_UNTRUSTED,
  readSettings,
  Settings,
} from "./settings.ts";
import { useTableOf } from "./shared.ts";
import { answerStatus } from "./status.ts";

// What Envoy calls. One VM may hold several instances of the filter, each a root context with a configuration of its own.

/** Marks the version of the ABI, by its name. */
export function proxy_abi_version_0_2_1(): void {}

/** Gives Envoy the memory for what a call returns. */
export function proxy_on_memory_allocate(size: usize): usize {
  return abi.allocate(size);
}

const BAD_CONFIGURATION = new Ascii("linkgate: the configuration can't be used");

/** Bytes of the answer, headers and body. */
const BYTES_SENT = new Ascii("response\0total_size");

/** An instance of the filter. */
class Instance {
  readonly root: u32;
  readonly settings: Settings;
  readonly listener: Listener;
  readonly follower: Follower;
  readonly gateNumber: u64;
  readonly reporter: i32;

  constructor(root: u32, settings: Settings) {
    const kind = settings.listener;
    this.root = root;
    this.settings = settings;
    this.listener = new Listener(
      kind === LISTENER_DIRECT || kind === LISTENER_PROXY || kind === LISTENER_UNTRUSTED,
      kind === LISTENER_PROXY ? settings.linkTlv : TLV_OFF,
    );
    this.follower = new Follower(settings);
    this.gateNumber = settings.gateNumber;
    this.reporter = findReporter(this.gateNumber);
  }
}

// One reporter for each gate of this VM: instances come and go, and one that has gone leaves nothing untold.
const reporters: Reporter[] = [];
const reporterGates: u64[] = [];

function findReporter(gate: u64): i32 {
  const found = reporterGates.indexOf(gate);
  if (found >= 0) return found;
  reporterGates.push(gate);
  return reporters.push(new Reporter()) - 1;
}

/** In the order in which they came: an update of a listener brings a new one, and nobody says when an old one goes. */
const instances: Instance[] = [];

/** Finds the instance that a callback is for, and turns to its table. */
function enterInstance(root: u32): Instance | null {
  for (let at = instances.length - 1; at >= 0; at--) {
    const instance = instances[at];
    if (instance.root !== root) continue;
    useTableOf(instance.gateNumber);
    return instance;
  }
  return null;
}

// The context of the request that comes next, and the instance that it belongs to.
let context: u32 = 0;
let contextRoot: u32 = 0;

/** Envoy makes a context of a request just before it hands over the request's headers. */
export function proxy_on_context_create(id: u32, parent: u32): void {
  context = id;
  contextRoot = parent;
}

export function proxy_on_vm_start(_root: u32, _size: u32): u32 {
  return 1;
}

/** Takes the configuration of an instance. 0 refuses it: at start Envoy exits, and an update leaves the old one in place. */
export function proxy_on_configure(root: u32, size: u32): u32 {
  abi.beginCallback();
  const status = env.proxy_get_buffer_bytes(abi.CONFIGURATION, 0, size, abi.OUT_BYTES, abi.OUT_LENGTH);
  const text = status === abi.OK ? String.UTF8.decodeUnsafe(abi.outBytes(), <usize>abi.outLength()) : "";
  const settings = readSettings(text);
  if (settings === null) {
    env.proxy_log(abi.LEVEL_ERROR, BAD_CONFIGURATION.start, BAD_CONFIGURATION.length);
    return 0;
  }
  defineMetrics();
  instances.push(new Instance(root, settings));
  env.proxy_set_tick_period_milliseconds(TICK_MS);
  return 1;
}

export function proxy_on_tick(root: u32): void {
  abi.beginCallback();
  const instance = enterInstance(root);
  if (instance === null) return;
  instance.follower.tick();
  reporters[instance.reporter].tick(instance.settings);
}

export function proxy_on_http_call_response(root: u32, call: u32, headers: u32, bodySize: u32, _trailers: u32): void {
  abi.beginCallback();
  const instance = enterInstance(root);
  if (instance === null) return;
  instance.follower.receive(call, headers, bodySize);
  reporters[instance.reporter].receive(call, headers);
}

/** Decides a request. One whose instance is not known is denied. */
export function proxy_on_request_headers(id: u32, _headers: u32, endOfStream: u32): u32 {
  abi.beginCallback();
  const instance = context === id ? enterInstance(contextRoot) : null;
  if (instance === null) return checkRequest(null, null, false);
  if (instance.settings.listener === LISTENER_STATUS) return answerStatus();
  const action = checkRequest(instance.settings, instance.listener, endOfStream === 0);
  decided.reporter = instance.reporter;
  reporters[instance.reporter].open(id, decided);
  return action;
}

/** Counts a request that has ended, answered by the gate or by the upstream. One that was never decided is not counted. */
export function proxy_on_log(id: u32): void {
  if (!closeRequest(id, decided)) return;
  abi.beginCallback();
  reporters[decided.reporter].count(decided, readBytesSent());
}

/** What went to the client, headers and body; 0 if the host does not say. */
function readBytesSent(): u64 {
  const status = env.proxy_get_property(BYTES_SENT.start, BYTES_SENT.length, abi.OUT_BYTES, abi.OUT_LENGTH);
  return status === abi.OK && abi.outLength() === 8 ? load<u64>(abi.outBytes()) : 0;
}
