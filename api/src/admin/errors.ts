import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Refusal, toRefusal, unreadablePath } from "../feed/refusal.ts";
import { setHeaders } from "./headers.ts";

/** Seconds after which a person may try again. */
const RETRY_AFTER = 5;

/** The one writer of errors here: `{error:{code,message,correlationId}}`. What went wrong inside stays in the log. */
export function writeError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, code, message } = toRefusal(error);
  const { correlationId } = request;
  if (status >= 500) request.log.warn({ err: error, code, correlationId }, "request failed");
  if (status === 401) reply.header("www-authenticate", challenge(request, code));
  if (status === 503 || status === 429) reply.header("retry-after", RETRY_AFTER);
  return reply.status(status).type("application/json").send({ error: { code, message, correlationId } });
}

/** RFC 6750 section 3: no `error` where no token was shown. */
function challenge(request: FastifyRequest, code: string): string {
  if (request.headers.authorization === undefined) return "Bearer";
  return code === "SignInAgain" ? 'Bearer error="interaction_required"' : 'Bearer error="invalid_token"';
}

/** What is not there, and what the caller may not know of: the same words for both. */
export function notFound(what: string): Refusal {
  return new Refusal(404, "NotFound", `there is no such ${what}, or it is not yours to see`);
}

export function registerErrors(app: FastifyInstance): void {
  app.setErrorHandler(writeError);
  app.setNotFoundHandler(() => {
    throw new Refusal(404, "NotFound", "there is no such path");
  });
}

/** Answers where no hook has run. */
export function refuseUnreadablePath(request: FastifyRequest, reply: FastifyReply): void {
  setHeaders(request, reply);
  writeError(unreadablePath(), request, reply);
}
