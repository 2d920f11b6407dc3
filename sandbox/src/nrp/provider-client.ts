import type { IncomingHttpHeaders } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { Agent } from "undici";
import type { ProviderAnswer } from "../arm/provider-hop.ts";
import { OperationFailure } from "./operations.ts";

/** Gets a token for ARM; called for each request, so it may answer from a cache. */
export type TokenSource = () => Promise<string>;

/** NRP as a client of ARM: it reaches the resource provider the way everybody does, with its own app id. */
export interface ProviderClient {
  /** One request, as it is; used for customers' writes too. */
  send(request: {
    method: string;
    target: string;
    headers?: IncomingHttpHeaders;
    body?: Buffer | undefined;
    correlationId: string;
  }): Promise<ProviderAnswer>;
  /**
   * A call of NRP's own: repeated while the provider can't be reached, followed to its end where it runs on.
   *
   * @throws OperationFailure with NRP's code and the provider's text where the provider refuses.
   */
  call(request: {
    method: string;
    resourceId: string;
    body?: unknown;
    correlationId: string;
  }): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export interface ProviderClientOptions {
  armUrl: string;
  ca: string;
  token: TokenSource;
}

/** The version that the requirement registers for NRP's calls. */
const apiVersion = "2020-03-30";
const longestOutageMs = 60_000;
const retryMs = 500;
const passedOn = [
  "accept",
  "accept-language",
  "content-type",
  "if-match",
  "if-none-match",
  "user-agent",
  "x-ms-client-request-id",
  "x-ms-return-client-request-id",
];

export function createProviderClient(options: ProviderClientOptions): ProviderClient {
  const agent = new Agent({ connect: { ca: options.ca } });
  const stopping = new AbortController();

  const send: ProviderClient["send"] = async request => {
    const headers: Record<string, string> = {};
    for (const name of passedOn) {
      const value = request.headers?.[name];
      if (typeof value === "string") headers[name] = value;
    }
    const answer = await agent.request({
      origin: options.armUrl,
      method: request.method as "GET",
      path: request.target,
      headers: {
        ...headers,
        authorization: `Bearer ${await options.token()}`,
        "x-ms-correlation-request-id": request.correlationId,
      },
      body: request.body ?? null,
      signal: stopping.signal,
    });
    const kept = Object.entries(answer.headers).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string" && !hopHeaders.has(entry[0]),
    );
    return {
      status: answer.statusCode,
      headers: Object.fromEntries(kept),
      body: Buffer.from(await answer.body.arrayBuffer()),
    };
  };

  /** PUT and DELETE are idempotent, so a repeated one does no harm. */
  const sendPatiently: ProviderClient["send"] = async request => {
    const deadline = Date.now() + longestOutageMs;
    for (;;) {
      const answer = await send(request);
      if (answer.status < 500 || Date.now() > deadline) return answer;
      await delay(retryMs, undefined, { signal: stopping.signal });
    }
  };

  const poll = async (target: string, correlationId: string, running: (answer: ProviderAnswer) => boolean) => {
    for (;;) {
      const answer = await sendPatiently({ method: "GET", target, correlationId });
      if (answer.status >= 400) throw describeRefusal(answer);
      if (!running(answer)) return answer;
      const seconds = Number(answer.headers["retry-after"] ?? 1);
      await delay(Math.min(Math.max(seconds, 0.1), 10) * 1000, undefined, { signal: stopping.signal });
    }
  };

  return {
    send,
    async call({ method, resourceId, body, correlationId }) {
      const answer = await sendPatiently({
        method,
        target: `${encodeURI(resourceId)}?api-version=${apiVersion}`,
        ...(body === undefined
          ? {}
          : { headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify(body)) }),
        correlationId,
      });
      if (answer.status >= 400) throw describeRefusal(answer);
      const status = answer.headers["azure-asyncoperation"];
      const location = answer.headers.location;
      if (method === "PUT" && status !== undefined) {
        const end = parse(await poll(readTarget(status), correlationId, one => isRunning(parse(one).status)));
        if (end.status !== "Succeeded") throw describeFailure(end.error);
        return parse(await poll(`${encodeURI(resourceId)}?api-version=${apiVersion}`, correlationId, () => false));
      }
      if (answer.status === 202 && location !== undefined) {
        await poll(readTarget(location), correlationId, one => one.status === 202);
      }
      return parse(answer);
    },
    async close() {
      stopping.abort();
      await agent.destroy();
    },
  };
}

const hopHeaders = new Set(["connection", "keep-alive", "transfer-encoding", "content-length", "date"]);

function readTarget(url: string): string {
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}

function isRunning(status: unknown): boolean {
  return !["Succeeded", "Failed", "Canceled"].includes(String(status));
}

function parse(answer: ProviderAnswer): Record<string, unknown> {
  try {
    return JSON.parse(answer.body.toString("utf8")) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function describeRefusal(answer: ProviderAnswer): OperationFailure {
  return describeFailure(parse(answer).error ?? { message: `HTTP status ${answer.status}` });
}

/** The customer sees the provider's own words inside NRP's (ARM contract 1.1). */
function describeFailure(error: unknown): OperationFailure {
  const message = String((error as { message?: unknown } | undefined)?.message ?? "unknown");
  return new OperationFailure(
    "PrivateEndpointConnectionProvisioningFailed",
    `Call to Microsoft.HealthcareApis/services failed. Error message: ${message}`,
  );
}
