import { isReservedHeader, readAddressBytes, readLinkTlv, type Source, TLV_OFF } from "@linkgate/core";

/** How a listener learns the client's address. */
export type ListenerKind = "direct" | "proxy" | "public";

/**
 * Reads where a request came from: the connection, or the PROXY header of a load balancer; never a header that a client can
 * write (design 3.3).
 */
export function readSource(
  r: NginxRequest,
  variables: NginxVariables,
  kind: ListenerKind,
  tlvMode: number,
  source: Source,
): void {
  source.clear();
  const peer = kind === "proxy" ? readBalancedPeer(variables) : variables.realip_remote_addr;
  // A real_ip_header of any other kind, in a configuration around ours, would have moved the address: believe neither then.
  if (!peer || peer !== variables.remote_addr) return;
  const raw = r.rawVariables;
  const bytes = raw.binary_remote_addr;
  if (bytes === undefined || !readAddressBytes(bytes, source.address)) return;
  source.isReadable = true;
  if (kind !== "proxy" || tlvMode === TLV_OFF) return;
  const tlv = raw.proxy_protocol_tlv_0xee;
  if (tlv !== undefined) readLinkTlv(tlv, source); // an empty value is there, and malformed
}

/** What the PROXY header says, if it is a load balancer that sent it; nothing for PROXY LOCAL. */
function readBalancedPeer(variables: NginxVariables): string | undefined {
  return variables.linkgate_is_balancer === "1" ? variables.proxy_protocol_addr : undefined;
}

// The two that the configuration replaces by the gate's own, whatever the client sent.
const REPLACED = ["x-private-link-id", "x-private-link-client"];

/**
 * True if the request carries a reserved header (design 3) that can't be kept from the upstream: njs can't remove a request's
 * header, and NGINX removes only those whose names it was told.
 */
export function hasReservedHeader(r: NginxRequest): boolean {
  const names = Object.getOwnPropertyNames(r.headersIn); // not keys(), which reads every value too
  for (let at = names.length - 1; at >= 0; at--) {
    const name = names[at] as string;
    if (name < "X" || (name >= "Y" && name < "x")) continue; // most names, at a tenth of the price of a call
    if (isReservedHeader(name) && !REPLACED.includes(name.toLowerCase())) return true;
  }
  return false;
}

/**
 * True if the Host header names the host that was judged; case, port and a trailing dot aside. NGINX judges and forwards the
 * host of an absolute target, whatever the header says: two that differ are refused (design 3.1), and so is a request without
 * the header, HTTP/0.9 among them.
 */
export function namesHost(header: string | undefined, host: string): boolean {
  if (header === undefined) return false;
  if (header === host) return true;
  const name = header.toLowerCase();
  return name.startsWith(host) && /^\.?(:\d*)?$/.test(name.slice(host.length));
}

/** True for a request on a connection that is older than `limit` milliseconds (feed rule 28). */
export function isConnectionOlder(variables: NginxVariables, limit: number): boolean {
  return !(Number(variables.connection_time) * 1000 <= limit);
}
