import type { FastifyInstance } from "fastify";
import type { RegistryState } from "../../../spec/generated/types.ts";
import { NotReconciled, type RegistryView, releaseRegistry, viewRegistry } from "../../database/release.ts";
import { Refusal } from "../../feed/refusal.ts";
import type { NrpClient } from "../../nrp/client.ts";
import { reconcileRegistry } from "../../reconcile/service.ts";
import type { AdminContext } from "../context.ts";
import { handle } from "../routing.ts";

/**
 * The registry's release after a restore, for platform engineers.
 *
 * @param nrp undefined where the api can't reach NRP, by configuration
 */
export function registerRegistry(app: FastifyInstance, { database }: AdminContext, nrp: NrpClient | undefined): void {
  handle(app, "Registry_Get", "platform-engineer", async () => toState(await viewRegistry(database)));

  /** Takes as long as NRP does; one that the caller gave up waiting for goes on. `complete` says whether NRP answered for all. */
  handle(app, "Registry_Reconcile", "platform-engineer", async ({ raw, caller }) => {
    if (nrp === undefined) throw new Refusal(409, "NrpNotConfigured", "this api has no way to NRP");
    const report = await reconcileRegistry(database, nrp);
    const { complete, connections, changed } = report;
    raw.log.warn({ complete, connections, changed: changed.length, by: caller.objectId }, "registry compared with NRP");
    return report;
  });

  /** Feed rule 9. What is vouched for wrongly is unsafe until the gates have asked for the feed again. */
  handle(app, "Registry_Release", "platform-engineer", async ({ raw, caller, body }) => {
    const { vouchGates = false, withoutReconcile = false } = body ?? {};
    try {
      const view = await releaseRegistry(database, { vouchGates, withoutReconcile });
      raw.log.warn({ vouchGates, withoutReconcile, by: caller.objectId }, "registry released");
      return toState(view);
    } catch (error) {
      throw error instanceof NotReconciled ? new Refusal(409, "NotReconciled", error.message) : error;
    }
  });
}

function toState({ state, since, reconciledAt, revocationsHeldUntil }: RegistryView): RegistryState {
  return {
    state,
    since: since.toISOString(),
    reconciledAt: reconciledAt?.toISOString() ?? null,
    revocationsHeldUntil: revocationsHeldUntil?.toISOString() ?? null,
  };
}
