import {
  DENIAL_TYPE,
  Decision,
  denialBody,
  denialStatus,
  HEALTH_CHECK,
  isAllowed,
  Listener,
  PRIVATE_LINK,
  REASONS,
  Source,
  TLV_OFF,
  UNKNOWN_HOST,
} from "@linkgate/core";
import { StringSink } from "@linkgate/core/string-sink";
import { hasReservedHeader, isConnectionOlder, type ListenerKind, namesHost, readSource } from "./request.ts";
import type { GateSettings } from "./settings.ts";
import { SharedTable } from "./table.ts";

/** njs before 1.0.1 lets a request through whose handler fails. */
export const LEAST_NJS = 0x010001;

/** Where a health check goes on: a named location, which no request can ask for. */
const HEALTH_LOCATION = "@linkgate_health";

const FORBIDDEN = denialBody(UNKNOWN_HOST);
const GATE_ERROR = "gate-error";

/** What this proxy refuses although the decision admits it; the log names it as it names core's reasons. */
type Refusal = { readonly reason: string; readonly status: number };
const CONFLICTING_HOSTS: Refusal = { reason: "conflicting-hosts", status: 400 };
const UPGRADE: Refusal = { reason: "upgrade", status: 403 };
const RESERVED_HEADER: Refusal = { reason: "reserved-header", status: 400 };
/** 421: a client may send the request again on another connection (RFC 9110 15.5.20). */
const OLD_CONNECTION: Refusal = { reason: "old-connection", status: 421 };

/** Decides requests. A worker makes one and reuses it for every request, since a handler runs from begin to end at once. */
export class Gate {
  private readonly settings: GateSettings;
  private readonly decision = new Decision(new StringSink(), new StringSink());
  private readonly source = new Source();
  private readonly table = new SharedTable();
  private readonly listeners: Readonly<Record<ListenerKind, Listener>>;

  /** @throws Error when this njs is too old to fail closed */
  constructor(settings: GateSettings) {
    if (njs.version_number < LEAST_NJS) throw new Error(`njs ${njs.version} is older than 1.0.1 and can fail open`);
    this.settings = settings;
    this.listeners = {
      direct: new Listener(true, TLV_OFF),
      proxy: new Listener(true, settings.linkTlv),
      public: new Listener(false, TLV_OFF),
    };
  }

  /** Admits the request by returning, hands a health check on, or answers it with its denial. */
  check(r: NginxRequest, kind: ListenerKind): void {
    const variables = r.variables; // each `r.variables` makes an object
    const reason = this.decide(r, variables, kind);
    if (!isAllowed(reason)) {
      deny(r, REASONS[reason] ?? GATE_ERROR, denialStatus(reason), denialBody(reason));
      return;
    }
    const refusal = this.findRefusal(r, variables, reason);
    if (refusal !== null) {
      deny(r, refusal.reason, refusal.status, FORBIDDEN);
      return;
    }
    admit(variables, reason);
    if (reason === HEALTH_CHECK) r.internalRedirect(HEALTH_LOCATION);
  }

  /** Admits a health check alone: what stands before the bare way to the upstream. */
  checkHealth(r: NginxRequest, kind: ListenerKind): void {
    const variables = r.variables;
    const reason = this.decide(r, variables, kind);
    if (reason === HEALTH_CHECK) admit(variables, reason);
    else deny(r, GATE_ERROR, 403, FORBIDDEN);
  }

  /** Maps the request to core's decision, and writes what the log and the upstream shall know of it. */
  private decide(r: NginxRequest, variables: NginxVariables, kind: ListenerKind): number {
    const { decision, source, table, listeners, settings } = this;
    const host = variables.host ?? "";
    table.host = host;
    readSource(r, variables, kind, settings.linkTlv, source);
    const target = variables.request_uri ?? "";
    const reason = decision.decide(host, r.method, target, source, listeners[kind], settings.zones, table);
    if (reason !== UNKNOWN_HOST) variables.linkgate_account = host.slice(0, decision.host.accountLength);
    if (decision.link.id !== 0) {
      variables.linkgate_link_id = decision.linkId.text as string;
      variables.linkgate_client = decision.client.text as string;
    }
    return reason;
  }

  /** Why an admitted request can't be forwarded safely; null if it can. */
  private findRefusal(r: NginxRequest, variables: NginxVariables, reason: number): Refusal | null {
    const { host } = this.table;
    const header = variables.http_host;
    if (header !== host && !namesHost(header, host)) return CONFLICTING_HOSTS; // no call for what nearly all send
    // An upstream that answered 101 would open a tunnel past the gate.
    if ((variables.http_upgrade ?? "") !== "") return UPGRADE;
    if (reason === HEALTH_CHECK) return null; // goes on without any of the client's headers
    if (hasReservedHeader(r)) return RESERVED_HEADER;
    if (reason === PRIVATE_LINK && isConnectionOlder(variables, this.settings.linkQuarantine)) return OLD_CONNECTION;
    return null;
  }
}

/** Denies, whatever state the gate is in. */
export function denyForError(r: NginxRequest, error: unknown): void {
  ngx.log(ngx.ERR, `linkgate: ${error}`);
  r.variables.linkgate_verdict = "deny";
  r.variables.linkgate_reason = GATE_ERROR;
  r.return(403, FORBIDDEN);
}

function admit(variables: NginxVariables, reason: number): void {
  variables.linkgate_verdict = "allow";
  variables.linkgate_reason = REASONS[reason] ?? "";
}

function deny(r: NginxRequest, reason: string, status: number, body: string): void {
  r.variables.linkgate_verdict = "deny";
  r.variables.linkgate_reason = reason;
  r.headersOut["Content-Type"] = DENIAL_TYPE;
  if (status === 503) r.headersOut["Retry-After"] = "1";
  r.return(status, body); // with a body: without one, error_page could turn it into an admission
}
