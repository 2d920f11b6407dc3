import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** What a header may hold to be logged and sent back: printable ASCII, not long. */
const ECHOABLE = /^[\x21-\x7e]{1,128}$/;

declare module "fastify" {
  interface FastifyRequest {
    /** ARM's `x-ms-correlation-request-id`; drawn here when absent, so that every change can be traced. */
    correlationId: string;
    /** Set once the api-version was accepted. */
    apiVersion: string;
  }
}

/**
 * Sets the headers that every answer carries, errors too (ARM RPC, arm-contract 4.1 and 4.2): `x-ms-request-id`,
 * `x-ms-correlation-request-id`, and the client's request id when it asked for it. Must be the first hook.
 */
export function registerHeaders(app: FastifyInstance): void {
  app.decorateRequest("correlationId", "");
  app.decorateRequest("apiVersion", "");
  app.addHook("onRequest", async (request, reply) => setHeaders(request, reply));
  app.addHook("onResponse", async (request, reply) => {
    const client = request.headers["x-ms-client-request-id"];
    request.log.info(
      {
        method: request.method,
        path: request.url.split("?", 1)[0],
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime),
        clientRequestId: isEchoable(client) ? client : undefined,
      },
      "answered ARM",
    );
  });
}

/** Gives a request its ids, and the answer the headers that carry them. */
export function setHeaders(request: FastifyRequest, reply: FastifyReply): void {
  const correlation = request.headers["x-ms-correlation-request-id"];
  request.correlationId = isEchoable(correlation) ? correlation : randomUUID();
  // Every line that concerns this request carries it and the request's own id (ARM RPC, Addendum: instrumentation).
  request.log = request.log.child({ correlationId: request.correlationId });
  reply.log = request.log;
  reply.header("x-ms-request-id", request.id);
  reply.header("x-ms-correlation-request-id", request.correlationId);
  const client = request.headers["x-ms-client-request-id"];
  const wanted = request.headers["x-ms-return-client-request-id"];
  if (isEchoable(client) && String(wanted).toLowerCase() === "true") reply.header("x-ms-client-request-id", client);
}

function isEchoable(value: string | string[] | undefined): value is string {
  return typeof value === "string" && ECHOABLE.test(value);
}
