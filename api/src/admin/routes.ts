import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { OpenDatabase } from "../database/open.ts";
import { Refusal, writeRefusal } from "../feed/refusal.ts";
import { retireGate } from "../gates/repository.ts";
import { listGates, toGateView } from "../gates/views.ts";
import { readAdminTokens } from "./tokens.ts";

export interface AdminOptions {
  readonly database: OpenDatabase;
  /** `iss` of the tokens. */
  readonly issuer: string;
  /** `aud` of the tokens: this API's own application. */
  readonly audience: string;
  /** Where the authority publishes its keys (RFC 7517). */
  readonly jwksUrl: string;
}

/** The app role that a platform engineer's token carries. */
const PLATFORM_ENGINEER = "PlatformEngineer";

/** `GET /admin/v1/gates` and `POST /admin/v1/gates/{incarnation}/retire`, for platform engineers only. */
export const adminRoutes: FastifyPluginAsyncTypebox<AdminOptions> = async (app, options) => {
  const { db } = options.database;
  const tokens = readAdminTokens(options);
  app.setErrorHandler(writeRefusal);
  app.decorateRequest("admin", "");
  app.addHook("onRequest", async request => {
    const { subject, roles } = await tokens.verify(request.headers.authorization);
    if (!roles.includes(PLATFORM_ENGINEER))
      throw new Refusal(403, "Forbidden", `the role ${PLATFORM_ENGINEER} is needed`);
    request.setDecorator("admin", subject);
  });

  app.get("/admin/v1/gates", async () => ({ value: await listGates(db) }));

  /** Feed rule 25: vouches that the process is gone. A wrong vouch is unsafe until that process asks for the feed again. */
  app.post(
    "/admin/v1/gates/:incarnation/retire",
    { schema: { params: Type.Object({ incarnation: Type.String({ pattern: "^[0-9a-f]{32}$" }) }) } },
    async request => {
      const { incarnation } = request.params;
      const gate = await retireGate(db, incarnation);
      if (gate === undefined) throw new Refusal(404, "NotFound", "no gate has that incarnation");
      request.log.warn(
        { incarnation, gate: gate.gate, state: gate.state, by: request.getDecorator("admin") },
        "gate retired",
      );
      return toGateView(gate, []);
    },
  );
};
