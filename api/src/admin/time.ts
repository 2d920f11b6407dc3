import { Refusal } from "../feed/refusal.ts";

/** A time that somebody sent. RFC 3339 allows days that no calendar has. @throws Refusal 400 */
export function readTime(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new Refusal(400, "BadRequest", `'${text}' is no time`);
  return time;
}
