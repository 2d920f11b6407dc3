import { Listener, TLV_OFF } from "../../core/src/source.ts";
import * as abi from "./abi.ts";
import { checkRequest } from "./access.ts";
import { Ascii } from "./bytes.ts";
import * as env from "./env.ts";
import { Follower, TICK_MS } from "./follower.ts";
import { defineMetrics } from "./metrics.ts";
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

/** An instance of the filter. */
class Instance {
  readonly root: u32;
  readonly settings: Settings;
  readonly listener: Listener;
  readonly follower: Follower;
  readonly gateNumber: u64;

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
  }
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
  if (instance !== null) instance.follower.tick();
}

export function proxy_on_http_call_response(root: u32, call: u32, headers: u32, bodySize: u32, _trailers: u32): void {
  abi.beginCallback();
  const instance = enterInstance(root);
  if (instance !== null) instance.follower.receive(call, headers, bodySize);
}

/** Decides a request. One whose instance is not known is denied. */
export function proxy_on_request_headers(id: u32, _headers: u32, endOfStream: u32): u32 {
  abi.beginCallback();
  const instance = context === id ? enterInstance(contextRoot) : null;
  if (instance === null) return checkRequest(null, null, false);
  if (instance.settings.listener === LISTENER_STATUS) return answerStatus();
  return checkRequest(instance.settings, instance.listener, endOfStream === 0);
}
