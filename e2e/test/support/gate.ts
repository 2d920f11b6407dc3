import { randomUUID } from "node:crypto";
import { type AccessLogLine, exchange, type RawResponse, waitForLog, writeProxyHeader } from "@linkgate/njs/testing";
import { until } from "../../gates/index.ts";
import type { StackDescription } from "./stack.ts";

/** What the gate answered, and what its log says of it. */
export interface GateAnswer {
  response: RawResponse;
  line: AccessLogLine;
}

/**
 * Sends a request from an address through the listener that takes PROXY protocol, and reads the gate's reason from its log. Where
 * the machine stood still after connecting, the connection is too old for the stack's second of quarantine: the gate has closed
 * it, or answers 421, and another one is made, as clients do (RFC 9110, 15.5.20).
 */
export async function askGate(
  stack: StackDescription,
  host: string,
  source: string,
  gate: keyof StackDescription["gates"] = "nginx",
): Promise<GateAnswer> {
  const { proxyProtocolAddress, accessLog } = stack.gates[gate];
  const { hostname, port } = new URL(`http://${proxyProtocolAddress}`);
  const peer = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
  const { target, response } = await until(
    async () => {
      const target = `/Patient?e2e=${randomUUID()}`;
      const response = await exchange(peer, { host, target }, writeProxyHeader({ source })).catch((error: Error) => {
        if (/connection ended/.test(error.message)) return null;
        throw error;
      });
      return response !== null && response.status !== 421 && { target, response };
    },
    () => `${gate} answers on no connection`,
  );
  return { response, line: await waitForLog(accessLog, one => one.request_uri === target) };
}
