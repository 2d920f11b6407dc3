import {
  Decision,
  isAllowed,
  isReservedHeader,
  Listener,
  REASONS,
  readAddressBytes,
  readLinkTlv,
  Source,
  TABLE_CURRENT,
  type Table,
  TLV_OFF,
  TLV_OPTIONAL,
  TLV_REQUIRED,
  type Zones,
} from "@linkgate/core";
import { StringSink } from "@linkgate/core/string-sink";
import type { GateReading } from "./gate-readings.ts";
import { type HttpRequest, readMessages } from "./http-reading.ts";
import { readProxyHeader } from "./proxy-reading.ts";

/** A connection as the gate gets it. */
export interface Attack {
  readonly listener: "direct" | "proxy" | "public";
  /** The connection's own source address, 4 or 16 bytes. */
  readonly peer: Buffer;
  /** Whether that is a load balancer whose PROXY header is believed. */
  readonly isBalancer: boolean;
  /** Everything that is sent, the PROXY header first. */
  readonly bytes: Buffer;
}

/** What must become of a request. */
export type Verdict =
  | {
      readonly kind: "admitted";
      readonly reason: string;
      readonly account: string;
      /** `privateip:linkid`, empty for a request that came by no link. */
      readonly client: string;
      readonly linkId: number;
      /** What the upstream sees as X-Forwarded-For; null for a health check from nowhere. */
      readonly source: Buffer | null;
      readonly request: HttpRequest;
      /** A gate may refuse it instead: for a header that is ours, which not every proxy can delete, for an empty Upgrade, for a body. */
      readonly mayRefuse: boolean;
    }
  | { readonly kind: "denied"; readonly reason: string; readonly request: HttpRequest }
  /** The proxy must not admit it, and may say so as it likes. */
  | { readonly kind: "refused"; readonly why: string; readonly request?: HttpRequest };

/** The account table and zones that a reference decides by. */
export interface World {
  readonly zones: Zones;
  /** Entries of the table's form, by account. */
  readonly entries: ReadonlyMap<string, string>;
  readonly linkTlv: "off" | "optional" | "required";
}

const TLV_MODES = { off: TLV_OFF, optional: TLV_OPTIONAL, required: TLV_REQUIRED };

/**
 * Decides a connection's requests in their order from the bytes alone: a reader of PROXY protocol and HTTP of its own, and
 * core's decision. A `refused` without a request is the last of them.
 */
export class Reference {
  readonly #world: World;
  readonly #reading: GateReading;
  readonly #decision = new Decision(new StringSink(), new StringSink());
  readonly #source = new Source();
  readonly #listeners: Readonly<Record<Attack["listener"], Listener>>;

  constructor(world: World, reading: GateReading) {
    this.#world = world;
    this.#reading = reading;
    this.#listeners = {
      direct: new Listener(true, TLV_OFF),
      proxy: new Listener(true, TLV_MODES[world.linkTlv]),
      public: new Listener(false, TLV_OFF),
    };
  }

  judge(attack: Attack): Verdict[] {
    const source = this.#source;
    source.clear();
    let address: Buffer | null = attack.peer;
    let http = attack.bytes;
    if (attack.listener === "proxy") {
      const read = readProxyHeader(attack.bytes, this.#reading);
      if (read.kind === "refused") return [{ kind: "refused", why: `PROXY: ${read.why}` }];
      address = attack.isBalancer ? read.source : null;
      http = attack.bytes.subarray(read.length);
      if (address !== null && read.linkTlv !== null && this.#world.linkTlv !== "off") readLinkTlv(read.linkTlv, source);
    }
    if (address !== null) source.isReadable = readAddressBytes(address, source.address);
    return readMessages(http, this.#reading).map((message): Verdict => {
      if (message.kind === "refused") return message;
      if (message.kind === "partial") return { kind: "refused", why: "a head without end" };
      return this.#decide(message.request, attack.listener, address);
    });
  }

  #decide(request: HttpRequest, listener: Attack["listener"], address: Buffer | null): Verdict {
    const { method, host, target, headers, objection } = request;
    if (objection !== null) return { kind: "refused", why: objection, request };
    if (method === "CONNECT" || method === "TRACE") return { kind: "refused", why: method, request };
    if (headers.some(([name, value]) => name === "upgrade" && value !== ""))
      return { kind: "refused", why: "Upgrade", request };
    const { entries, zones } = this.#world;
    const decision = this.#decision;
    const table: Table = {
      readState: () => TABLE_CURRENT,
      findEntry: length => entries.get(host.slice(0, length)) ?? null,
    };
    const code = decision.decide(host, method, target, this.#source, this.#listeners[listener], zones, table);
    const reason = REASONS[code] ?? "";
    if (!isAllowed(code)) return { kind: "denied", reason, request };
    const denies = this.#reading.deniesHealthBody && reason === "health-check" && bringsBody(request);
    return {
      kind: "admitted",
      reason,
      account: host.slice(0, decision.host.accountLength),
      client: decision.client.text as string,
      linkId: decision.link.id,
      source: address,
      request,
      mayRefuse: denies || headers.some(([name]) => isReservedHeader(name) || name === "upgrade"),
    };
  }
}

/** Whether anything comes behind the head. */
function bringsBody({ body, headers }: HttpRequest): boolean {
  return body === null || body.length > 0 || headers.some(([name]) => name === "transfer-encoding");
}
