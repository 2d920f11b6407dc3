import { isIP } from "node:net";
import {
  exchange,
  linkTlv,
  type ProxyHeader,
  type RawRequest,
  type RawResponse,
  writeProxyHeader,
} from "../../testing/index.ts";
import { type TestGate, ZONE } from "./gate.ts";

let count = 0;

/** A target that no other request of this process has, so that its line in the log can be found. */
export function uniqueTarget(): string {
  return `/Patient/${process.pid}-${++count}`;
}

/** The public host name of an account. */
export function publicHost(account: string): string {
  return `${account}.${ZONE.public}`;
}

/** The private host name of an account. */
export function privateHost(account: string): string {
  return `${account}.${ZONE.private}`;
}

/** Sends a request from a source address, through the PROXY listener, as a load balancer would hand it over. */
export function askFrom(
  gate: TestGate,
  source: string | ProxyHeader,
  request: RawRequest | Uint8Array,
): Promise<RawResponse> {
  const header = typeof source === "string" ? { source } : source;
  return exchange({ port: gate.ports.proxy }, request, writeProxyHeader(header));
}

/** The header that carries `source` and, if given, the value of TLV 0xEE in hexadecimal. */
export function headerOf(source: string, tlv?: string): ProxyHeader {
  if (isIP(source) === 0) throw new Error(`no PROXY header can carry ${JSON.stringify(source)}`);
  return { source, ...(tlv === undefined ? {} : { tlvs: [{ type: 0xee, value: Buffer.from(tlv, "hex") }] }) };
}

export { linkTlv };
