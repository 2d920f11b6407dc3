import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type BodyOf, contract, type OperationId } from "../contract/contract.ts";
import { Refusal } from "../feed/refusal.ts";
import type { Access } from "./access/register.ts";
import type { Caller } from "./access/tokens.ts";

/** Bytes. The largest decision has a tenth of it. */
const BODY_LIMIT = 64 * 1024;

/** A request as handlers get it: let in, and checked against the contract. */
export interface AdminRequest<Params, Query, Id extends OperationId> {
  readonly caller: Caller;
  readonly correlationId: string;
  readonly params: Params;
  readonly query: Query;
  readonly body: BodyOf<Id>;
  readonly raw: FastifyRequest;
  readonly reply: FastifyReply;
}

/**
 * Registers the handler of an operation of the contract, which says its method, its path and what it takes.
 *
 * @param access whom it lets in
 */
export function handle<Id extends OperationId, Params = unknown, Query = unknown>(
  app: FastifyInstance,
  id: Id,
  access: Access,
  handler: (request: AdminRequest<Params, Query, Id>) => unknown,
): void {
  const operation = contract.operation(id);
  app.route({
    method: operation.method,
    url: operation.route,
    config: { access },
    bodyLimit: BODY_LIMIT,
    schema: { params: operation.parameters.path, querystring: operation.parameters.query },
    handler: (request, reply) => {
      const { caller, correlationId } = request;
      if (caller === undefined) throw new Error("no caller was found out");
      const problem = operation.validateBody(request.body ?? undefined);
      if (problem !== undefined) throw new Refusal(400, "BadRequest", problem.message);
      assertStorable([request.params, request.query, request.body]);
      return handler({
        caller,
        correlationId,
        params: request.params as Params,
        query: request.query as Query,
        body: request.body as BodyOf<Id>,
        raw: request,
        reply,
      });
    },
  });
}

/** PostgreSQL's text can't hold a nul, nor half of a surrogate pair. */
function assertStorable(value: unknown): void {
  if (typeof value === "string" && (value.includes("\0") || !value.isWellFormed())) {
    throw new Refusal(400, "BadRequest", "a text has a character that can't be stored");
  }
  if (typeof value === "object" && value !== null) for (const member of Object.values(value)) assertStorable(member);
}
