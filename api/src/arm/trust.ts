import { TLSSocket } from "node:tls";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { ArmError } from "./errors.ts";

/**
 * Lets nobody in but ARM (design 5, ARM RPC "authentication of ARM to the RP"): the client certificate of the
 * connection must equal, byte for byte, one of the pinned ones. The handshake has proved that the peer holds its key.
 * This hook comes before everything else, also before "no such route", and it alone answers 403.
 *
 * @param pinned certificates in DER
 */
export function registerTrust(app: FastifyInstance, pinned: readonly Buffer[]): void {
  app.addHook("onRequest", async request => {
    if (!isTrusted(request, pinned)) throw untrusted();
  });
}

/** What a peer is told that is not ARM. */
export function untrusted(): ArmError {
  return new ArmError("Forbidden", "The client certificate is not trusted.");
}

/** Whether a request came over a connection whose client certificate is one of the pinned ones. */
export function isTrusted(request: FastifyRequest, pinned: readonly Buffer[]): boolean {
  const socket = request.raw.socket;
  if (!(socket instanceof TLSSocket)) return false;
  const certificate = socket.getPeerX509Certificate();
  return certificate !== undefined && pinned.some(known => known.equals(certificate.raw));
}
