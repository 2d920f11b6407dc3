import type { FastifyInstance } from "fastify";
import type { DecisionResult } from "../../../spec/generated/types.ts";
import { Refusal } from "../../feed/refusal.ts";
import { sideBySide } from "../access/visibility.ts";
import { type AdminContext, requireAzure } from "../context.ts";
import { handle } from "../routing.ts";
import { createDecisionLimit } from "./limit.ts";
import { decide } from "./service.ts";

/** One decision about one connection or several, each for itself. */
export function registerDecisions(app: FastifyInstance, context: AdminContext): void {
  const count = createDecisionLimit();

  handle(app, "Decisions_Make", "person", async asking => {
    requireAzure(context);
    const { action, connections } = asking.body;
    const comment = asking.body.comment?.trim() ?? "";
    if (comment === "" && action !== "approve") {
      throw new Refusal(400, "CommentMissing", `say why: a comment is required to ${action}`);
    }
    const keys = connections.map(({ account, name }) => `${account}/${name}`.toLowerCase());
    if (new Set(keys).size < keys.length) throw new Refusal(400, "BadRequest", "a connection is named twice");
    count(asking.caller.objectId, connections.length);
    const results = new Array<DecisionResult>(connections.length);
    await sideBySide([...connections.entries()], async ([index, target]) => {
      results[index] = await decide(context, asking, { action, comment, ...target });
    });
    return { correlationId: asking.correlationId, value: results };
  });
}
