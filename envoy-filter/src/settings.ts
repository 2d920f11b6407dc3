import { Zones } from "../../core/src/host.ts";
import { TLV_OFF, TLV_OPTIONAL, TLV_REQUIRED } from "../../core/src/source.ts";
import { Ascii } from "./bytes.ts";

/** What a filter instance stands in front of. */
export const LISTENER_NONE: i32 = 0;
/** Private Link, the client's address on the connection itself. */
export const LISTENER_DIRECT: i32 = 1;
/** Private Link, the client's address in the PROXY header of a load balancer. */
export const LISTENER_PROXY: i32 = 2;
/** A PROXY header of a peer that is no load balancer: nothing it says is believed. */
export const LISTENER_UNTRUSTED: i32 = 3;
/** The public network alone. */
export const LISTENER_PUBLIC: i32 = 4;
/** Probes and the status page; nothing is forwarded. */
export const LISTENER_STATUS: i32 = 5;

const LINKGATE = new Ascii("linkgate");

/** Goes on with a hash, with the NUL behind a text too. */
function hashBytes(hash: u64, text: Ascii): u64 {
  for (let at = 0; at < text.length; at++) hash = (hash ^ <u64>load<u8>(text.start + <usize>at)) * 0x100000001b3;
  return hash * 0x100000001b3;
}

/** Settings of one filter instance; deploy/envoy/README.md has a row for each. */
export class Settings {
  listener: i32 = LISTENER_NONE;
  listenerName: Ascii = new Ascii("");
  linkTlv: i32 = TLV_OFF;
  readonly zones: Zones = new Zones();
  /** The name that the feed's token belongs to. */
  gate: Ascii = new Ascii("");
  /** The feed's `host:port`, and what stands before the path of its calls. */
  feedAuthority: Ascii = new Ascii("");
  feedPath: Ascii = new Ascii("");
  /** Envoy's cluster for the feed; another mesh or gateway has names of its own. */
  feedCluster: Ascii = new Ascii("linkgate_feed");
  /** Seconds, 1..604800. */
  maxTableAge: u32 = 0;
  /** Seconds, 1..604800: how old a connection may be that brings a request by link (feed rule 28). */
  linkQuarantine: u32 = 60;

  /** Which gate's table this instance reads: instances of one gate and one feed share it, others never. FNV-1a of both. */
  get gateNumber(): u64 {
    let hash = hashBytes(((<u64>0xcbf29ce4) << 32) | 0x84222325, LINKGATE);
    hash = hashBytes(hash, this.gate);
    hash = hashBytes(hash, this.feedAuthority);
    return hashBytes(hash, this.feedPath);
  }

  /** True if nothing is missing. */
  get isComplete(): bool {
    return (
      this.listener !== LISTENER_NONE &&
      this.zones.suffixes.length > 0 &&
      this.gate.length > 0 &&
      this.feedAuthority.length > 0 &&
      this.maxTableAge > 0
    );
  }
}

/**
 * Reads the plugin's configuration: one JSON object of strings without escapes. Null for any other text, for a name that is no
 * setting, for a value that can't be used, and when a setting is missing: Envoy then refuses the configuration.
 */
export function readSettings(text: string): Settings | null {
  const settings = new Settings();
  const reader = new FlatJsonReader(text);
  if (!reader.take("{")) return null;
  do {
    const name = reader.takeString();
    if (name === null || !reader.take(":")) return null;
    const value = reader.takeString();
    if (value === null || !applySetting(settings, name, value)) return null;
  } while (reader.take(","));
  if (!reader.take("}") || !reader.isAtEnd) return null;
  return settings.isComplete ? settings : null;
}

function applySetting(settings: Settings, name: string, value: string): bool {
  if (name === "listener") {
    settings.listener = readListener(value);
    settings.listenerName = new Ascii(settings.listener === LISTENER_UNTRUSTED ? "proxy" : value);
    return settings.listener !== LISTENER_NONE;
  }
  if (name === "linkTlv") {
    settings.linkTlv = value === "optional" ? TLV_OPTIONAL : value === "required" ? TLV_REQUIRED : TLV_OFF;
    return settings.linkTlv !== TLV_OFF || value === "off";
  }
  if (name === "zones") return addZones(settings.zones, value);
  if (name === "gate") {
    settings.gate = new Ascii(value);
    return true;
  }
  if (name === "feedAuthority") {
    settings.feedAuthority = new Ascii(value);
    return true;
  }
  if (name === "feedPath") {
    settings.feedPath = new Ascii(value);
    return true;
  }
  if (name === "feedCluster") {
    settings.feedCluster = new Ascii(value);
    return value.length > 0;
  }
  if (name === "maxTableAge") {
    settings.maxTableAge = readSeconds(value);
    return settings.maxTableAge > 0;
  }
  if (name === "linkQuarantine") {
    settings.linkQuarantine = readSeconds(value);
    return settings.linkQuarantine > 0;
  }
  return false;
}

function readListener(value: string): i32 {
  if (value === "direct") return LISTENER_DIRECT;
  if (value === "proxy") return LISTENER_PROXY;
  if (value === "proxy-untrusted") return LISTENER_UNTRUSTED;
  if (value === "public") return LISTENER_PUBLIC;
  return value === "status" ? LISTENER_STATUS : LISTENER_NONE;
}

/** Adds pairs `public/private`, separated by commas. */
function addZones(zones: Zones, value: string): bool {
  const pairs = value.split(",");
  for (let at = 0; at < pairs.length; at++) {
    const suffixes = pairs[at].trim().split("/");
    if (suffixes.length !== 2 || !zones.add(suffixes[0], suffixes[1])) return false;
  }
  return true;
}

/** 1 to 604800; 0 for any other text. */
function readSeconds(value: string): u32 {
  if (value.length < 1 || value.length > 6) return 0;
  let seconds: u32 = 0;
  for (let at = 0; at < value.length; at++) {
    const digit = value.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return 0;
    seconds = seconds * 10 + <u32>digit;
  }
  return seconds <= 604800 ? seconds : 0;
}

/** Takes JSON apart that has only strings in it. */
class FlatJsonReader {
  private readonly text: string;
  private at: i32 = 0;

  constructor(text: string) {
    this.text = text;
  }

  get isAtEnd(): bool {
    this.skipBlanks();
    return this.at === this.text.length;
  }

  take(sign: string): bool {
    this.skipBlanks();
    if (this.at >= this.text.length || this.text.charAt(this.at) !== sign) return false;
    this.at++;
    return true;
  }

  takeString(): string | null {
    if (!this.take('"')) return null;
    const end = this.text.indexOf('"', this.at);
    if (end < 0) return null;
    const value = this.text.substring(this.at, end);
    this.at = end + 1;
    for (let at = 0; at < value.length; at++) {
      const code = value.charCodeAt(at);
      if (code < 0x20 || code > 0x7e || code === 0x5c) return null;
    }
    return value;
  }

  private skipBlanks(): void {
    while (this.at < this.text.length && this.text.charCodeAt(this.at) <= 0x20) this.at++;
  }
}
