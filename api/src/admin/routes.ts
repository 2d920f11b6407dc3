import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { OpenDatabase } from "../database/open.ts";
import { NotReconciled, releaseRegistry, viewRegistry } from "../database/release.ts";
import { Refusal, writeRefusal } from "../feed/refusal.ts";
import { retireGate } from "../gates/repository.ts";
import { listGates, toGateView } from "../gates/views.ts";
import type { NrpClient } from "../nrp/client.ts";
import { reconcileRegistry } from "../reconcile/service.ts";
import { readAdminTokens } from "./tokens.ts";

export interface AdminOptions {
  readonly database: OpenDatabase;
  /** Undefined where the api can't reach NRP, by configuration. */
  readonly nrp?: NrpClient | undefined;
  /** `iss` of the tokens. */
  readonly issuer: string;
  /** `aud` of the tokens: this API's own application. */
  readonly audience: string;
  /** Where the authority publishes its keys (RFC 7517). */
  readonly jwksUrl: string;
}

/** The app role that a platform engineer's token carries. */
const PLATFORM_ENGINEER = "PlatformEngineer";

const releaseBody = Type.Union([
  Type.Null(),
  Type.Object(
    { vouchGates: Type.Optional(Type.Boolean()), withoutReconcile: Type.Optional(Type.Boolean()) },
    { additionalProperties: false },
  ),
]);

/** Gates and the registry's release after a restore, for platform engineers only. */
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

  app.get("/admin/v1/registry", () => viewRegistry(options.database));

  /** Takes as long as NRP does; one that the caller gave up waiting for goes on. `complete` says whether NRP answered for all. */
  app.post("/admin/v1/registry/reconcile", async request => {
    if (options.nrp === undefined) throw new Refusal(409, "NrpNotConfigured", "this api has no way to NRP");
    const report = await reconcileRegistry(options.database, options.nrp);
    const { complete, connections, changed } = report;
    request.log.warn(
      { complete, connections, changed: changed.length, by: request.getDecorator("admin") },
      "registry compared with NRP",
    );
    return report;
  });

  /** Feed rule 9. What is vouched for wrongly is unsafe until the gates have asked for the feed again. */
  app.post("/admin/v1/registry/release", { schema: { body: releaseBody } }, async request => {
    const { vouchGates = false, withoutReconcile = false } = request.body ?? {};
    try {
      const view = await releaseRegistry(options.database, { vouchGates, withoutReconcile });
      request.log.warn({ vouchGates, withoutReconcile, by: request.getDecorator("admin") }, "registry released");
      return view;
    } catch (error) {
      throw error instanceof NotReconciled ? new Refusal(409, "NotReconciled", error.message) : error;
    }
  });
};
