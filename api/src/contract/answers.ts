import type { FastifyInstance } from "fastify";
import { contract, type Operation, type Service } from "./contract.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The contract's operation that a route answers; set when the route is registered. */
    operation?: Operation;
  }
}

/** What the log says of an answer that the contract doesn't allow. */
export const CONTRACT_BREACH = "an answer breaks the contract";

/**
 * Holds every answer against the contract. What was done is done, so an answer that breaks it goes out as it is, and the
 * log has an error with the place (docs/adr/2026-11-wire-contract.md). Must come before the routes.
 */
export function checkAnswers(app: FastifyInstance, services: readonly Service[]): void {
  app.addHook("onRoute", route => {
    const operation = findOperation(services, String(route.method), route.url);
    if (operation !== undefined) route.config = { ...route.config, operation };
  });
  app.addHook("onSend", async (request, reply, payload) => {
    const { operation } = request.routeOptions.config;
    if (operation === undefined) return;
    const problem = operation.validateResponse(reply.statusCode, parse(payload));
    if (problem === undefined) return;
    const { id } = operation;
    request.log.error({ operation: id, status: reply.statusCode, problem }, CONTRACT_BREACH);
  });
}

/** The operation of a route; names of parameters and the case of segments don't matter. */
export function findOperation(services: readonly Service[], method: string, path: string): Operation | undefined {
  return contract.operations.find(
    operation =>
      operation.method === method && services.includes(operation.service) && sameRoute(operation.route, path),
  );
}

function sameRoute(a: string, b: string): boolean {
  const normalize = (route: string): string => route.replaceAll(/:[^/]+/g, ":").toLowerCase();
  return normalize(a) === normalize(b);
}

function parse(payload: unknown): unknown {
  return typeof payload === "string" && payload !== "" ? JSON.parse(payload) : undefined;
}
