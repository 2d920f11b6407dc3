import type { FastifyInstance } from "fastify";
import { ArmError } from "./errors.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** True where only the Network Resource Provider may call. */
    nrpOnly?: boolean;
  }
  interface FastifyRequest {
    /** Whether ARM calls for the Network Resource Provider. */
    calledByNrp: boolean;
  }
}

/** Put on a route that only NRP may call. */
export const NRP_ONLY = { config: { nrpOnly: true } } as const;

/**
 * Holds back everyone but NRP from the routes marked {@link NRP_ONLY} (requirement "Security": 409 Conflict when NRP
 * is not calling). `x-ms-client-app-id` is ARM's word, believed because the trust hook has proved that ARM speaks.
 *
 * @param nrpAppIds application ids, lower case
 */
export function registerCaller(app: FastifyInstance, nrpAppIds: ReadonlySet<string>): void {
  app.decorateRequest("calledByNrp", false);
  app.addHook("onRequest", async request => {
    const caller = request.headers["x-ms-client-app-id"];
    request.calledByNrp = typeof caller === "string" && nrpAppIds.has(caller.trim().toLowerCase());
    if (request.routeOptions.config.nrpOnly === true && !request.calledByNrp) {
      throw new ArmError("Conflict", "Only the Network Resource Provider may make this call.");
    }
  });
}
