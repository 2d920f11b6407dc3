import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { OperationRow } from "../operations/service.ts";
import { findOperation } from "../operations/service.ts";
import { announceOperation, operationId } from "./async.ts";
import type { ArmContext } from "./context.ts";
import { ArmError } from "./errors.ts";
import { OPERATION_RESULT_PATH, sameName } from "./paths.ts";

interface OperationPath {
  subscriptionId: string;
  location: string;
  operation: string;
}

/** How an operation goes. It stays readable when its resource is gone. */
export function registerOperationResults(app: FastifyInstance, context: ArmContext): void {
  app.get<{ Params: OperationPath; Querystring: Record<string, unknown> }>(
    OPERATION_RESULT_PATH,
    async (request, reply) => {
      const { subscriptionId, operation: id } = request.params;
      const operation = await findOperation(context.database.db, id.toLowerCase());
      if (operation === undefined || !sameName(operation.subscription_id, subscriptionId)) {
        throw new ArmError("ResourceNotFound", `There is no operation '${id}' in this subscription.`);
      }
      return asksForLocation(request.query)
        ? sendLocation(request, reply, operation, context.retryAfter)
        : sendStatus(reply, operation, context.retryAfter);
    },
  );
}

/** The Azure-AsyncOperation document: always 200 while it can be read (ARM RPC async-api-reference). */
function sendStatus(reply: FastifyReply, operation: OperationRow, retryAfter: number): FastifyReply {
  if (operation.status === "Running") reply.header("retry-after", String(retryAfter));
  return reply.send({
    id: operationId(operation),
    name: operation.id,
    status: operation.status,
    startTime: operation.started_at.toISOString(),
    ...(operation.ended_at === null ? {} : { endTime: operation.ended_at.toISOString() }),
    ...(operation.error === null ? {} : { error: operation.error }),
  });
}

/** 202 while it runs, then what a synchronous DELETE would have said (ARM RPC). */
function sendLocation(
  request: FastifyRequest,
  reply: FastifyReply,
  operation: OperationRow,
  retryAfter: number,
): FastifyReply {
  switch (operation.status) {
    case "Running":
      announceOperation(request, reply, operation, retryAfter, "empty");
      return reply.status(202).send();
    case "Succeeded":
      return reply.status(204).send();
    case "Failed":
      return reply.status(500).send({ error: operation.error });
  }
}

function asksForLocation(query: Record<string, unknown>): boolean {
  return Object.entries(query).some(
    ([name, value]) =>
      name.toLowerCase() === "operationresultresponsetype" && String(value).toLowerCase() === "location",
  );
}
