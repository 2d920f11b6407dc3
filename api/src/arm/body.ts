import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Static, TProperties, TSchema } from "typebox";
import type { Validator } from "typebox/compile";
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
 * Reads and checks the JSON body of a request.
 *
 * @throws ArmError UnsupportedMediaType or InvalidRequestContent, whose message names the member that is wrong
 */
export function readBody<Schema extends TSchema>(
  request: FastifyRequest,
  schema: Validator<TProperties, Schema>,
): Static<Schema> {
  const type = request.headers["content-type"];
  if (type === undefined || !JSON_TYPE.test(type)) {
    throw new ArmError("UnsupportedMediaType", "The body must be JSON, and Content-Type must say application/json.");
  }
  const value = parseJson(request.body);
  refuseUnstorable(value);
  if (!schema.Check(value)) {
    const [first] = schema.Errors(value);
    const where = first === undefined || first.instancePath === "" ? "The body" : `'${first.instancePath.slice(1)}'`;
    const what =
      first?.keyword === "required" ? `lacks ${requiredNames(first.params)}` : (first?.message ?? "is invalid");
    throw new ArmError("InvalidRequestContent", `${where} ${what}.`, first?.instancePath.slice(1) || undefined);
  }
  return value as Static<Schema>;
}

function requiredNames(params: object): string {
  const names = "requiredProperties" in params ? params.requiredProperties : undefined;
  return Array.isArray(names) ? names.map(name => `'${name}'`).join(", ") : "a required member";
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

/** PostgreSQL's jsonb holds neither nul nor half a surrogate pair; nobody's endpoint is called that. */
function refuseUnstorable(root: unknown): void {
  const open: { value: unknown; depth: number }[] = [{ value: root, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (typeof value === "string") checkText(value);
    if (typeof value !== "object" || value === null) continue;
    if (depth === DEPTH_LIMIT) throw new ArmError("InvalidRequestContent", "The body is nested too deeply.");
    for (const [name, member] of Object.entries(value)) {
      checkText(name);
      open.push({ value: member, depth: depth + 1 });
    }
  }
}

function checkText(text: string): void {
  if (text.includes("\0") || !text.isWellFormed()) {
    throw new ArmError("InvalidRequestContent", "The body contains a character that can't be stored.");
  }
}
