import { createHash } from "node:crypto";
import { Refusal } from "../feed/refusal.ts";

/**
 * Where a list goes on: the sort key of the last row of a page. It is no secret and opens nothing, as what may be read is
 * looked up anew; but it belongs to one person, filter and order, and says so when it is used with others.
 *
 * @param list everything that the place depends on
 */
export function writeCursor(list: readonly unknown[], place: readonly string[]): string {
  return Buffer.from(JSON.stringify([digest(list), ...place])).toString("base64url");
}

/**
 * @param parts what each part of the place must look like
 * @throws Refusal 400
 */
export function readCursor(
  list: readonly unknown[],
  cursor: string | undefined,
  parts: readonly RegExp[],
): string[] | undefined {
  if (cursor === undefined) return undefined;
  const [mark, ...place] = parse(cursor);
  const isWhole = place.length === parts.length && parts.every((part, index) => part.test(String(place[index])));
  if (!isWhole || mark !== digest(list)) {
    throw new Refusal(400, "InvalidCursor", "the cursor belongs to another list; begin at the first page");
  }
  return place.map(String);
}

/** Parts of a place. */
export const MICROSECONDS = /^\d{1,18}$/;
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const TEXT = /^[^\0]*$/;

const digest = (list: readonly unknown[]): string =>
  createHash("sha256").update(JSON.stringify(list)).digest("base64url").slice(0, 16);

function parse(cursor: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}
