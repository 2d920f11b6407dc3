import type { Finding, ReconcileReport } from "./service.ts";

/** A report as the platform engineer reads it. */
export function renderReport(report: ReconcileReport): string {
  const { accounts, connections, changed, open, unanswered, complete } = report;
  const lines = [
    `${connections} connections of ${accounts} accounts were compared with NRP.`,
    ...section(`${changed.length} changed here; revocations end when the gates have heard of them`, changed),
    ...section(`${open.length} left for somebody to see to`, open),
    ...section(`${unanswered.length} without an answer from NRP; nothing was done about them`, unanswered),
    complete
      ? "The registry is reconciled. Next: registry release"
      : "The registry is NOT reconciled as a whole. Run it again when NRP answers.",
  ];
  return `${lines.join("\n")}\n`;
}

function section(title: string, findings: readonly Finding[]): string[] {
  return findings.length === 0 ? [] : [`${title}:`, ...findings.map(({ id, text }) => `  ${id}\n    ${text}`)];
}
