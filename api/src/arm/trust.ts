import { TLSSocket } from "node:tls";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ArmCertificates } from "./certificates.ts";
import { ArmError } from "./errors.ts";

/**
 * Lets nobody in but ARM (design 5, ARM RPC "authentication of ARM to the RP"): the client certificate of the
 * connection must be one of ARM's. The handshake has proved that the peer holds its key. This hook comes before
 * everything else, also before "no such route", and it alone answers 403.
 */
export function registerTrust(app: FastifyInstance, certificates: ArmCertificates): void {
  app.addHook("onRequest", async request => {
    if (!isTrusted(request, certificates)) throw untrusted();
  });
}

/** What a peer is told that is not ARM. */
export function untrusted(): ArmError {
  return new ArmError("Forbidden", "The client certificate is not trusted.");
}

/** Whether a request came over a connection whose client certificate is ARM's. */
export function isTrusted(request: FastifyRequest, certificates: ArmCertificates): boolean {
  const socket = request.raw.socket;
  if (!(socket instanceof TLSSocket)) return false;
  const certificate = socket.getPeerX509Certificate();
  return certificate !== undefined && certificates.includes(certificate);
}
