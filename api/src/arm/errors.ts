import { STATUS_CODES } from "node:http";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isDatabaseUnavailable } from "../database/database-errors.ts";

/**
 * Every error code the resource provider can answer, with its HTTP status. Codes are stable: NRP shows them to the
 * customer (arm-contract 1.1), clients branch on them. 403 belongs to the transport alone (ARM RPC: "403 only when
 * ARM's client certificate is not trusted").
 */
export const ERROR_STATUS = {
  MissingApiVersionParameter: 400,
  InvalidApiVersionParameter: 400,
  UnsupportedApiVersionValue: 400,
  InvalidRequestUri: 400,
  InvalidParameter: 400,
  InvalidRequestContent: 400,
  InvalidResourceName: 400,
  InvalidSubscriptionState: 400,
  PropertyChangeNotAllowed: 400,
  Forbidden: 403,
  NotFound: 404,
  ResourceNotFound: 404,
  MethodNotAllowed: 405,
  RequestTimeout: 408,
  Conflict: 409,
  NameNotAvailable: 409,
  LinkIdInUse: 409,
  LinkIdMissing: 409,
  InvalidStateTransition: 409,
  AnotherOperationInProgress: 409,
  QuotaExceeded: 409,
  PreconditionFailed: 412,
  RequestContentTooLarge: 413,
  UnsupportedMediaType: 415,
  RequestHeaderFieldsTooLarge: 431,
  InternalServerError: 500,
  ServiceUnavailable: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** The body of every error (ARM RPC: `code` and `message` are mandatory, `target` names the part that is wrong). */
export interface ErrorBody {
  error: { code: string; message: string; target?: string };
}

/** The one error that handlers throw: a stable code and a sentence that the caller may read. */
export class ArmError extends Error {
  readonly code: ErrorCode;
  readonly target: string | undefined;

  constructor(code: ErrorCode, message: string, target?: string) {
    super(message);
    this.name = "ArmError";
    this.code = code;
    this.target = target;
  }

  get status(): number {
    return ERROR_STATUS[this.code];
  }
}

/** Writes an error in ARM's shape. */
export function errorBody(code: ErrorCode, message: string, target?: string): ErrorBody {
  return { error: { code, message, ...(target === undefined ? {} : { target }) } };
}

/** A missing resource, named the way ARM names it. */
export function resourceNotFound(resourceId: string): ArmError {
  return new ArmError("ResourceNotFound", `The resource '${resourceId}' was not found.`);
}

/**
 * Installs the one writer of errors. A 5xx tells the caller nothing but its request id; the cause and its stack go to
 * the log of the platform engineer.
 *
 * @param retryAfter seconds, sent with 503
 */
export function registerErrors(app: FastifyInstance, retryAfter: number): void {
  app.setErrorHandler<FastifyError | Error>((error, request, reply) => sendError(error, request, reply, retryAfter));
  app.setNotFoundHandler((request, reply) => {
    sendError(new ArmError("NotFound", "There is nothing on this path."), request, reply, retryAfter);
  });
}

/** Answers one failed request; see {@link registerErrors}. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, retryAfter: number): void {
  const known = toArmError(error);
  if (known.status >= 500) {
    request.log.error({ err: error }, "failed");
  }
  if (known.code === "ServiceUnavailable") reply.header("retry-after", String(retryAfter));
  reply
    .status(known.status)
    .type("application/json")
    .send(errorBody(known.code, known.message, known.target));
}

function toArmError(error: unknown): ArmError {
  if (error instanceof ArmError) return error;
  if (isDatabaseUnavailable(error)) {
    return new ArmError("ServiceUnavailable", "The registry can't be reached right now. Try again.");
  }
  switch (frameworkCode(error)) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new ArmError("RequestContentTooLarge", "The request body is too large.");
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return new ArmError("InvalidRequestContent", "The body is not as long as Content-Length says.");
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new ArmError("UnsupportedMediaType", "The body must be JSON, and Content-Type must say application/json.");
    case "FST_ERR_BAD_URL":
      return new ArmError("InvalidRequestUri", "The path is not validly percent-encoded.");
    case "FST_ERR_MAX_PARAM_LENGTH":
      return new ArmError("ResourceNotFound", "The path names no resource: a segment is too long.");
    default:
      return new ArmError("InternalServerError", "The request failed. Name its x-ms-request-id when you report it.");
  }
}

function frameworkCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** The answer to bytes that are no HTTP request: no route, no request object, but still ARM's shape and a request id. */
export function rawErrorAnswer(code: ErrorCode, message: string, requestId: string): string {
  const status = ERROR_STATUS[code];
  const body = JSON.stringify(errorBody(code, message));
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    `x-ms-request-id: ${requestId}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}
