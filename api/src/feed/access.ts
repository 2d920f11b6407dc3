import type { FastifyInstance, FastifyRequest } from "fastify";
import { Refusal } from "./refusal.ts";
import { readGateTokens } from "./tokens.ts";

/** Lets gates in, by the tokens of a file, before anything else is read of a request. */
export function registerGateAccess(app: FastifyInstance, tokensFile: string): void {
  const tokens = readGateTokens(tokensFile, error => app.log.error({ err: error }, "gate tokens file can't be used"));
  app.decorateRequest("tokenOwner", "");
  app.addHook("onRequest", async request => {
    const owner = await tokens.ownerOf(request.headers.authorization);
    if (owner === undefined) throw new Refusal(401, "Unauthorized", "a valid gate token is needed");
    request.setDecorator("tokenOwner", owner);
  });
}

/** A token speaks for one gate name, and for no other (design 4). @throws Refusal 403 */
export function assertOwnGate(request: FastifyRequest, gate: string): void {
  if (request.getDecorator<string>("tokenOwner") !== gate) throw notYours();
}

export const notYours = (): Refusal => new Refusal(403, "Forbidden", "the token belongs to another gate");
