import type { IntlShape } from "react-intl";
import { en } from "../messages/en.ts";

const PREFIX = "reason.";

/** Reasons that have a text, as the gates' access logs spell them. */
export const REASONS: readonly string[] = Object.keys(en)
  .filter(id => id.startsWith(PREFIX))
  .map(id => id.slice(PREFIX.length));

/** A reason in words; one that is not known here, as the log has it. */
export function nameReason({ formatMessage }: Pick<IntlShape, "formatMessage">, reason: string): string {
  return REASONS.includes(reason) ? formatMessage({ id: `${PREFIX}${reason}` as "reason.gate-error" }) : reason;
}
