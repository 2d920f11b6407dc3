import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { exchange, type RawResponse, waitForLog, writeProxyHeader } from "@linkgate/njs/testing";
import type { GateName } from "../stack/settings.ts";
import type { StackDescription } from "../stack/stack-file.ts";

/** How a request reaches the gate. */
export type Way = "PROXY v2" | "direct";

/** A request of a tenant's application. */
export interface GateRequest {
  host: string;
  path: string;
  /** Where it seems to come from: a link address, or a public one. */
  source: string;
  way: Way;
  /** Default `nginx`. */
  gate?: GateName;
}

/** What the gate decided, from its answer and its access log. */
export interface GateOutcome {
  verdict: string;
  status: number;
  reason: string;
  /** `privateip:linkid` as the log has it. */
  client: string;
  /** What the account's service said, where it was reached. */
  served: { account: string | null; told: { privateLinkClient: string | null } } | undefined;
}

export interface Expectation {
  verdict: "allow" | "deny";
  status: number;
  reason: string;
}

/** Long, for a part that was restarted on a busy machine may have to come back first. */
const settleLimitMs = 60_000;

/** Sends one request through a gate and reads what the gate wrote about it. */
export async function askGate(stack: StackDescription, request: GateRequest): Promise<GateOutcome> {
  const target = `${request.path}?story=${randomUUID()}`;
  const gate = stack.gates[request.gate ?? "nginx"];
  const url = new URL(request.way === "direct" ? gate.httpUrl : `http://${gate.proxyProtocolAddress}`);
  const peer = { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) };
  const raw = { host: request.host, target };
  const response =
    request.way === "direct"
      ? await exchange({ ...peer, localAddress: request.source }, raw)
      : await exchange(peer, raw, writeProxyHeader({ source: request.source }));
  const line = await waitForLog(gate.accessLog, one => one.request_uri === target);
  const { verdict, reason, client } = line;
  return { verdict, status: response.status, reason, client, served: readServed(response) };
}

/**
 * Asks until the answer is the expected one, for a change that is on its way to the gate. A denial that is expected must
 * be one from the first answer on: an admission in between ends the wait.
 */
export async function askUntil(
  stack: StackDescription,
  request: GateRequest,
  expected: Expectation,
): Promise<GateOutcome> {
  const deadline = Date.now() + settleLimitMs;
  for (;;) {
    const outcome = await askGate(stack, request);
    const isWrong = expected.verdict === "deny" && (outcome.verdict === "allow" || outcome.served !== undefined);
    if (isWrong || isExpected(outcome, expected) || Date.now() > deadline) return outcome;
    await delay(20);
  }
}

export function isExpected(outcome: GateOutcome, expected: Expectation): boolean {
  return (
    outcome.verdict === expected.verdict && outcome.status === expected.status && outcome.reason === expected.reason
  );
}

function readServed(response: RawResponse): GateOutcome["served"] {
  try {
    const body = JSON.parse(response.text()) as Partial<NonNullable<GateOutcome["served"]>>;
    return body.told === undefined || body.account === undefined
      ? undefined
      : { account: body.account, told: body.told };
  } catch {
    return undefined;
  }
}
