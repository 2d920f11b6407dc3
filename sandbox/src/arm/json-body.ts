import { armErrors } from "./errors.ts";

/**
 * Reads a request body that must be a JSON object.
 *
 * @throws ArmError 400 `InvalidRequestContent` for anything else.
 */
export function readJson(body: unknown): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.isBuffer(body) ? body.toString("utf8") : "");
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Refused below, like every body that is no object.
  }
  throw armErrors.badContent(
    "The request content was invalid and could not be deserialized: a JSON object is expected.",
  );
}
