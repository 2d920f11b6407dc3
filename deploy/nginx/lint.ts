import { readFileSync } from "node:fs";
import { readDump } from "./lint/dump.ts";
import { SyntaxProblem } from "./lint/parse.ts";
import { findMistakes } from "./lint/rules.ts";

// `nginx -T | npm run -s lint:nginx`, or with a file: one line for each mistake, `file:line: [rule] what it opens`; exit 1 if
// there is any, 2 for what can't be read.

const [file] = process.argv.slice(2);
try {
  const findings = findMistakes(readDump(readFileSync(file ?? 0, "utf8"), file ?? "stdin"));
  for (const { rule, file: where, line, text } of findings) console.log(`${where}:${line}: [${rule}] ${text}`);
  if (findings.length > 0) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof SyntaxProblem) && (error as NodeJS.ErrnoException).code === undefined) throw error;
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
