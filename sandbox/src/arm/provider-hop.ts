import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { Agent, errors } from "undici";
import type { Identity } from "../certificates.ts";
import type { Caller } from "./caller.ts";
import { armErrors } from "./errors.ts";

/** One request on its way from ARM to the resource provider. */
export interface ProviderRequest {
  method: string;
  /** Path and query, exactly as the caller sent them. */
  target: string;
  /** The caller's headers; only those that a client may set go on. */
  headers: IncomingHttpHeaders;
  body: Buffer | undefined;
  caller: Caller;
  clientAddress: string;
  correlationId: string;
  /** What ARM says of who created and changed the resource; on writes and actions only. */
  systemData?: Record<string, string>;
}

export interface ProviderAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** ARM's way to the resource provider: mutual TLS, and the headers that only ARM can set. */
export interface ProviderHop {
  send(request: ProviderRequest): Promise<ProviderAnswer>;
  /** A PUT of ARM's own, for nobody. */
  announce(target: string, body: string): Promise<ProviderAnswer>;
  close(): Promise<void>;
}

export interface ProviderHopOptions {
  /** ARM's own base URL, for `referer`. */
  armUrl: string;
  /** The provider's base URL; read at each request. */
  providerUrl(): string;
  ca: string;
  identity: Identity;
}

/** Everything else that a client sends stays behind: most of all the headers reserved for ARM (ARM contract 4.1). */
const clientHeaders = [
  "accept",
  "accept-language",
  "content-type",
  "if-match",
  "if-none-match",
  "user-agent",
  "x-ms-client-request-id",
  "x-ms-return-client-request-id",
];
const providerHeaders = [
  "azure-asyncoperation",
  "content-type",
  "etag",
  "location",
  "retry-after",
  "x-ms-client-request-id",
  "x-ms-request-id",
];
/** ARM waits that long for a provider (ARM contract 4.1). */
const timeoutMs = 60_000;
const namespace = "Microsoft.HealthcareApis";

/** Opens ARM's way to the provider. Connections are made on demand and outlive a restart of the provider. */
export function createProviderHop(options: ProviderHopOptions): ProviderHop {
  const agent = new Agent({
    connect: { ca: options.ca, cert: options.identity.certificate, key: options.identity.key, timeout: 30_000 },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  const send = async (
    { method, target, body }: Pick<ProviderRequest, "method" | "target"> & { body: Buffer | string | undefined },
    outgoing: Record<string, string>,
  ): Promise<ProviderAnswer> => {
    try {
      const answer = await agent.request({
        origin: options.providerUrl(),
        method: method as "GET",
        path: target,
        headers: outgoing,
        body: body ?? null,
      });
      const headers: Record<string, string> = {};
      for (const name of providerHeaders) {
        const value = answer.headers[name];
        if (typeof value === "string") headers[name] = value;
      }
      return { status: answer.statusCode, headers, body: Buffer.from(await answer.body.arrayBuffer()) };
    } catch (error) {
      if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) {
        throw armErrors.providerSilent(namespace);
      }
      throw armErrors.providerDown(namespace);
    }
  };
  return {
    send: request => send(request, composeHeaders(request, options.armUrl)),
    announce: (target, body) =>
      send(
        { method: "PUT", target, body },
        {
          "content-type": "application/json",
          referer: `${options.armUrl}${target}`,
          "x-ms-correlation-request-id": randomUUID(),
        },
      ),
    close: () => agent.destroy(),
  };
}

function composeHeaders(request: ProviderRequest, armUrl: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of clientHeaders) {
    const value = request.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  return {
    ...headers,
    referer: `${armUrl}${request.target}`,
    "x-ms-client-ip-address": request.clientAddress,
    "x-ms-client-app-id": request.caller.appId,
    "x-ms-client-object-id": request.caller.objectId,
    ...(request.caller.userName === undefined ? {} : { "x-ms-client-principal-name": request.caller.userName }),
    "x-ms-client-tenant-id": request.caller.tenantId,
    "x-ms-client-issuer": request.caller.issuer,
    "x-ms-client-audience": request.caller.audience,
    "x-ms-client-authorization-source": "RoleBased",
    "x-ms-correlation-request-id": request.correlationId,
    "x-ms-routing-request-id": `SANDBOX:${randomUUID()}`,
    ...(request.systemData ? { "x-ms-arm-resource-system-data": JSON.stringify(request.systemData) } : {}),
  };
}
