import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply } from "fastify";
import { reportRoutes } from "../counts/routes.ts";
import type { OpenDatabase } from "../database/open.ts";
import { recordGoodbye } from "../gates/repository.ts";
import { assertOwnGate, notYours, registerGateAccess } from "./access.ts";
import { writeStartOver } from "./page.ts";
import { createPollAnswerer } from "./poll.ts";
import { Refusal, writeRefusal } from "./refusal.ts";
import { type PollQuery, pollQuery } from "./schema.ts";

export interface FeedOptions {
  readonly database: OpenDatabase;
  /** JSON `{ "<gate name>": ["<sha256 hex of token>", ...at most two] }`; read again when it changes. */
  readonly tokensFile: string;
}

/**
 * `GET /gate/v1/changes`: the changes of the registry that the gates follow (design 4); and what the gates tell of requests.
 * Register it on a Fastify instance with its own listener. Closing the instance answers the polls that are held back.
 */
export const feedRoutes: FastifyPluginAsyncTypebox<FeedOptions> = async (app, { database, tokensFile }) => {
  const answerPoll = createPollAnswerer(database);
  const closing = new AbortController();
  app.addHook("preClose", async () => closing.abort());
  app.addHook("onSend", async (_request, reply) => {
    if (closing.signal.aborted) reply.header("connection", "close"); // or a gate's idle connection would hold up the end
  });
  app.setErrorHandler(writeRefusal);
  registerGateAccess(app, tokensFile);
  await app.register(reportRoutes, { database });

  app.get(
    "/gate/v1/changes",
    { schema: { querystring: pollQuery }, exposeHeadRoute: false },
    async (request, reply) => {
      const { query } = request;
      assertOwnGate(request, query.gate);
      reply.header("cache-control", "no-store");
      if (query.bye === "1") {
        if (!(await recordGoodbye(database.db, query.incarnation, query.gate))) throw notYours();
        return reply.status(204).send();
      }
      const answer = await answerPoll(toPoll(query), hungUp(reply), closing.signal);
      switch (answer.kind) {
        case "page":
          return sendText(reply, 200, answer.page);
        case "keep":
        case "drop":
          return sendText(reply, 410, writeStartOver(answer.kind));
        case "stranger":
          throw notYours();
        case "gone":
          return reply.hijack();
      }
    },
  );
};

function toPoll({ gate, incarnation, cursor, maxAge, wait, limit }: PollQuery) {
  if (maxAge === undefined) throw new Refusal(400, "BadRequest", "maxAge is missing");
  return { gate, incarnation, cursor: cursor === "" ? undefined : cursor, maxAge, wait, limit };
}

/** Aborts when the connection ends before the answer has been sent. */
function hungUp({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  if (raw.destroyed) controller.abort();
  raw.once("close", () => controller.abort());
  return controller.signal;
}

function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.status(status).type("text/plain; charset=us-ascii").send(text);
}
