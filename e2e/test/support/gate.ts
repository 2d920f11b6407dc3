import { randomUUID } from "node:crypto";
import { type AccessLogLine, exchange, type RawResponse, waitForLog, writeProxyHeader } from "@linkgate/njs/testing";
import type { StackDescription } from "./stack.ts";

/** What the gate answered, and what its log says of it. */
export interface GateAnswer {
  response: RawResponse;
  line: AccessLogLine;
}

/** Sends a request from an address through the listener that takes PROXY protocol, and reads the gate's reason from its log. */
export async function askGate(
  stack: StackDescription,
  host: string,
  source: string,
  gate: keyof StackDescription["gates"] = "nginx",
): Promise<GateAnswer> {
  const { proxyProtocolAddress, accessLog } = stack.gates[gate];
  const target = `/Patient?e2e=${randomUUID()}`;
  const { hostname, port } = new URL(`http://${proxyProtocolAddress}`);
  const peer = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
  const response = await exchange(peer, { host, target }, writeProxyHeader({ source }));
  return { response, line: await waitForLog(accessLog, one => one.request_uri === target) };
}
