import type { DecisionView } from "../../../spec/generated/types.ts";

const COLUMNS = ["at", "action", "from", "to", "account", "connection", "comment", "via", "by", "objectId", "appId"];

/** The first line. */
export const CSV_HEADER = `${[...COLUMNS, "accountId", "correlationId", "id"].join(",")}\r\n`;

/** One line (RFC 4180). */
export function toCsvLine(decision: DecisionView): string {
  const { at, action, from, to, account, connection, comment, via, by, accountId, correlationId, id } = decision;
  const cells = [at, action, from, to, account, connection, comment, via, by.name, by.objectId, by.appId];
  return `${[...cells, accountId, correlationId, id].map(toCell).join(",")}\r\n`;
}

/**
 * Always quoted. What a spreadsheet would take for a formula gets an apostrophe in front (OWASP "CSV Injection"): other
 * customers and admins write names and comments.
 */
function toCell(value = ""): string {
  const text = /^[\s]*[=+\-@\t\r\n|%]/.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}
