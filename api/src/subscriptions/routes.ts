import type { FastifyInstance } from "fastify";
import { readBody } from "../arm/body.ts";
import type { ArmContext } from "../arm/context.ts";
import { SUBSCRIPTION_PATH } from "../arm/paths.ts";
import { requirePermission } from "./permission.ts";
import { subscriptionBody } from "./schema.ts";
import { announceState } from "./service.ts";

/** The version that the platform's own notifications have (ARM RPC, subscription lifecycle). */
const LIFECYCLE_VERSION = "2.0";

interface SubscriptionPath {
  subscriptionId: string;
}

/**
 * ARM's notifications of where a subscription stands. 200 with the body it sent when all is done; 202 while accounts have
 * still to follow, and ARM sends it again.
 */
export function registerSubscriptions(app: FastifyInstance, context: ArmContext): void {
  const { db } = context.database;
  app.put<{ Params: SubscriptionPath }>(
    SUBSCRIPTION_PATH,
    { config: { apiVersion: LIFECYCLE_VERSION } },
    async (request, reply) => {
      const body = readBody(request, subscriptionBody);
      const { subscriptionId } = request.params;
      const settled = await db
        .transaction()
        .execute(tx => announceState(tx, subscriptionId, body.state, request.correlationId));
      if (!settled) reply.status(202).header("retry-after", String(context.retryAfter));
      return body;
    },
  );
}

/** Holds back what the state of the subscription in the path does not allow, on every route but the notification's own. */
export function registerSubscriptionStates(app: FastifyInstance, { database }: ArmContext): void {
  app.addHook("onRequest", async ({ method, params, routeOptions }) => {
    const { subscriptionId } = params as Partial<SubscriptionPath>;
    const { apiVersion, wrongMethods } = routeOptions.config;
    if (method === "GET" || subscriptionId === undefined) return;
    if (apiVersion === LIFECYCLE_VERSION || wrongMethods === true) return;
    await requirePermission(database.db, subscriptionId, method);
  });
}
