import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { isDatabaseUnavailable } from "../database/database-errors.ts";
import { RegistryUnavailable } from "../database/epoch.ts";

/** A refusal with a status of its own; everything else that is thrown is a 500 or, from the database, a 503. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Seconds after which a gate or a person may try again. */
const RETRY_AFTER = 5;

/** The one writer of errors of the feed and of the admin API: `{error:{code,message}}`; what went wrong inside stays in the log. */
export function writeRefusal(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = toRefusal(error);
  if (refusal.status >= 500) request.log.warn({ err: error, code: refusal.code }, "request failed");
  if (refusal.status === 401) reply.header("www-authenticate", "Bearer");
  if (refusal.status === 503) reply.header("retry-after", RETRY_AFTER);
  return reply.status(refusal.status).send({ error: { code: refusal.code, message: refusal.message } });
}

/** What an error says to the caller; one of ours that is not meant for callers says nothing but that it happened. */
export function toRefusal(error: FastifyError | Error): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof RegistryUnavailable) return new Refusal(503, "RegistryUnavailable", error.message);
  if ("validation" in error && error.validation !== undefined) return new Refusal(400, "BadRequest", error.message);
  const status = "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : 500;
  if (status >= 400 && status < 500) return new Refusal(status, "BadRequest", error.message);
  if (isDatabaseUnavailable(error))
    return new Refusal(503, "RegistryUnavailable", "the registry can't be reached right now");
  return new Refusal(500, "InternalError", "something went wrong inside; the log says what");
}

/** For a path that can't be decoded, or has a part that is too long: no route and no hook has seen it. */
export const unreadablePath = (): Refusal => new Refusal(400, "BadRequest", "the path can't be read");
