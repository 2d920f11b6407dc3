import type { FastifyInstance } from "fastify";
import { Refusal } from "../../feed/refusal.ts";
import { type Caller, readAdminTokens, type TokenRules } from "./tokens.ts";

/**
 * Whom a route lets in: `person`, who sees what ARM lets them see; `platform-engineer`, a person or an application with
 * the role; `either`, a person, or an application with that role.
 */
export type Access = "person" | "platform-engineer" | "either";

declare module "fastify" {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** Set as soon as the token was checked. */
    caller: Caller | undefined;
  }
}

/** The app role that a platform engineer's token carries. */
const PLATFORM_ENGINEER = "PlatformEngineer";

export function isPlatformEngineer(caller: Caller): boolean {
  return caller.roles.includes(PLATFORM_ENGINEER);
}

/** Checks every request before anything else is read of it. A route that doesn't say whom it lets in can't be registered. */
export function registerAccess(app: FastifyInstance, rules: TokenRules): void {
  const tokens = readAdminTokens(rules);
  app.decorateRequest("caller", undefined);
  app.addHook("onRoute", route => {
    if (route.config?.access === undefined)
      throw new Error(`${route.method} ${route.url} does not say whom it lets in`);
  });
  app.addHook("onRequest", async request => {
    const caller = await tokens.verify(request.headers.authorization);
    request.caller = caller;
    if (request.is404) return;
    const { access } = request.routeOptions.config;
    if (access !== "person" && isPlatformEngineer(caller)) return;
    if (access === "platform-engineer" || access === undefined)
      throw forbidden(`the role ${PLATFORM_ENGINEER} is needed`);
    if (caller.kind !== "person") throw forbidden("an application can't do this; a person has to be signed in");
  });
}

const forbidden = (message: string): Refusal => new Refusal(403, "Forbidden", message);
