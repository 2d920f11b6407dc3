import { readFileSync } from "node:fs";
import { readConfiguration, UnreadableConfiguration } from "./lint/read.ts";
import { findMistakes } from "./lint/rules.ts";

// `curl -s 127.0.0.1:9901/config_dump | npm run -s lint:envoy`, or with files: one line for each mistake, `listener/chain: [rule] what it
// opens`; exit 1 if there is any, 2 for what can't be read.

const files = process.argv.slice(2);
try {
  for (const file of files.length === 0 ? [0] : files) {
    const findings = findMistakes(readConfiguration(readFileSync(file, "utf8")));
    for (const { rule, where, text } of findings) console.log(`${where}: [${rule}] ${text}`);
    if (findings.length > 0) process.exitCode = 1;
  }
} catch (error) {
  if (!(error instanceof UnreadableConfiguration) && (error as NodeJS.ErrnoException).code === undefined) throw error;
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
