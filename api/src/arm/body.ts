import type { FastifyInstance, FastifyRequest } from "fastify";
import type { BodyOf, Operation, OperationId } from "../contract/contract.ts";
import { ArmError } from "./errors.ts";

/** Bytes. A page of 100 accounts, each with the longest body, stays below the 8 MB that ARM passes on (ARM RPC). */
export const BODY_LIMIT = 64 * 1024;

/** Levels of nesting; more is not met in any client and costs stack wherever the document goes. */
const DEPTH_LIMIT = 32;

const JSON_TYPE = /^application\/(json|[\w.-]+\+json)\s*(;|$)/i;

/**
 * Makes the server hand over bodies as bytes. They are read by {@link readBody}, when the handler has found the
 * resource: ARM's order of checks (design 5) is caller, resource, body.
 */
export function registerRawBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: BODY_LIMIT }, (_request, body, done) =>
    done(null, body),
  );
}

/**
 * Reads and checks the JSON body of a request. Members that are null count as not sent: some clients write down their
 * whole object, az a comment that was not given.
 *
 * @throws ArmError UnsupportedMediaType or InvalidRequestContent, whose message names the member that is wrong
 */
export function readBody<Id extends OperationId>(request: FastifyRequest, operation: Operation<Id>): BodyOf<Id> {
  const type = request.headers["content-type"];
  if (type === undefined || !JSON_TYPE.test(type)) {
    throw new ArmError("UnsupportedMediaType", "The body must be JSON, and Content-Type must say application/json.");
  }
  const value = parseJson(request.body);
  tidy(value);
  const problem = operation.validateBody(value);
  if (problem !== undefined) {
    throw new ArmError("InvalidRequestContent", problem.message, problem.target || undefined);
  }
  return value as BodyOf<Id>;
}

function parseJson(body: unknown): unknown {
  if (!Buffer.isBuffer(body) || body.length === 0) {
    throw new ArmError("InvalidRequestContent", "The request has no body.");
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new ArmError("InvalidRequestContent", "The body is not valid JSON in UTF-8.");
  }
}

/**
 * Drops members that are null, and refuses what can't be stored: PostgreSQL's jsonb holds neither nul nor half a surrogate
 * pair, and nobody's endpoint is called that.
 */
function tidy(root: unknown): void {
  const open: { value: unknown; depth: number }[] = [{ value: root, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (typeof value === "string") checkText(value);
    if (typeof value !== "object" || value === null) continue;
    if (depth === DEPTH_LIMIT) throw new ArmError("InvalidRequestContent", "The body is nested too deeply.");
    for (const [name, member] of Object.entries(value)) {
      checkText(name);
      if (member === null && !Array.isArray(value)) Reflect.deleteProperty(value, name);
      else open.push({ value: member, depth: depth + 1 });
    }
  }
}

function checkText(text: string): void {
  if (text.includes("\0") || !text.isWellFormed()) {
    throw new ArmError("InvalidRequestContent", "The body contains a character that can't be stored.");
  }
}
