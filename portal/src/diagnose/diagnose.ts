import {
  Decision,
  explainReason,
  Host,
  isAllowed,
  Listener,
  REASONS,
  readAddress,
  Source,
  splitHost,
  TABLE_CURRENT,
  TLV_OFF,
  Zones,
} from "@linkgate/core";
import { StringSink } from "@linkgate/core/string-sink";

/** An account, as far as a gate knows it. */
export interface KnownAccount {
  readonly account: string;
  readonly publicHosts: readonly string[];
  readonly privateHosts: readonly string[];
  readonly publicNetworkAccess: string;
  /** Of its approved connections. */
  readonly linkIds: readonly number[];
}

/** What a gate would do, and what it read on the way. */
export interface Diagnosis {
  readonly isAllowed: boolean;
  /** As access log and metrics spell it. */
  readonly reason: string;
  /** For people. */
  readonly explanation: string;
  /** Whether the host is the one for private endpoints; undefined when it names no account of the zones. */
  readonly isPrivateHost: boolean | undefined;
  /** `privateip:linkid`; empty unless the address carries a link id. */
  readonly client: string;
}

/** The account that a host may name: its first label, as a gate folds it. */
export function labelOf(host: string): string {
  return foldHost(host).split(".")[0] ?? "";
}

/**
 * Decides as a gate does, by the gates' own code, about a request that comes to a listener for private endpoints.
 * @param address of the connection's source, as the gate sees it
 */
export function diagnose(address: string, host: string, known: KnownAccount): Diagnosis {
  const zones = new Zones();
  for (const [index, publicHost] of known.publicHosts.entries()) {
    const suffix = (text: string) => text.slice(known.account.length + 1);
    zones.add(suffix(publicHost), suffix(known.privateHosts[index] ?? ""));
  }
  const source = new Source();
  source.isReadable = readAddress(address.trim(), source.address);
  const access = known.publicNetworkAccess === "Enabled" ? "enabled" : "disabled";
  const entry = `${access}\t${known.linkIds.join(",")}\t0`;
  const folded = foldHost(host.trim());
  const table = {
    readState: () => TABLE_CURRENT,
    findEntry: (length: number) => (folded.slice(0, length) === known.account ? entry : null),
  };
  const client = new StringSink();
  const decision = new Decision(client, new StringSink());
  const reason = decision.decide(folded, "GET", "/", source, new Listener(true, TLV_OFF), zones, table);
  const named = new Host();
  return {
    isAllowed: isAllowed(reason),
    reason: REASONS[reason] ?? "",
    explanation: explainReason(reason),
    isPrivateHost: splitHost(folded, zones, named) ? named.isPrivate : undefined,
    client: client.text,
  };
}

/** ASCII capitals and nothing else, as the proxies do. */
function foldHost(host: string): string {
  return host.replace(/[A-Z]/g, letter => letter.toLowerCase());
}
