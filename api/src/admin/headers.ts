import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** For answers that a browser must neither keep, nor sniff, nor run, nor frame (OWASP REST security). */
const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "strict-transport-security": "max-age=31536000",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

/**
 * Gives every request a correlation id of our own, which goes to ARM with it, and every answer that id and the security
 * headers. A caller can't choose the id: decisions are put down to people by it. Must be the first hook.
 */
export function registerHeaders(app: FastifyInstance): void {
  app.decorateRequest("correlationId", "");
  app.addHook("onRequest", async (request, reply) => setHeaders(request, reply));
  app.addHook("onResponse", async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        path: request.url.split("?", 1)[0],
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime),
        correlationId: request.correlationId,
        by: request.caller?.objectId,
      },
      "answered the portal",
    );
  });
}

/** Also for a request that no hook has seen, since its path can't be read. */
export function setHeaders(request: FastifyRequest, reply: FastifyReply): void {
  request.correlationId = randomUUID();
  reply.headers({ "x-correlation-id": request.correlationId, ...SECURITY_HEADERS });
}
