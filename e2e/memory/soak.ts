import { parseArgs } from "node:util";
import { gates } from "../gates/index.ts";
import { MemoryField } from "./rounds.ts";

// `npm run soak -- memory [--gate nginx|envoy] [--requests n] [--changes n]`: 10^6 requests and 10^5 changes of the table, after
// which the gate must take no more memory than behind a warm-up of a third of that.

/** kB that a heap may breathe. A leak of 10 bytes a request would be more. */
const MOST_GROWTH = 8192;

const { values } = parseArgs({
  options: {
    gate: { type: "string", default: "envoy" },
    requests: { type: "string", default: "1e6" },
    changes: { type: "string", default: "1e5" },
  },
});
const [requests, changes] = [Number(values.requests), Number(values.changes)];
const kind = gates.find(each => each.name === values.gate);
if (kind === undefined || ![requests, changes].every(count => Number.isSafeInteger(count) && count > 0)) {
  console.error(`gates: ${gates.map(each => each.name).join(", ")}; --requests and --changes are whole numbers`);
  process.exit(2);
}

const start = performance.now();
const seconds = () => ((performance.now() - start) / 1000).toFixed(0);
console.log(`soak: memory: ${kind.name}, ${requests} requests, ${changes} changes`);
const field = await MemoryField.open(kind);
let isStopped = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    isStopped = true;
  });
}
let told = start;
try {
  const report = await field.run(requests, changes, done => {
    if (isStopped) throw new Error(`stopped after ${done} requests`);
    if (performance.now() - told < 30_000) return;
    told = performance.now();
    console.log(`soak: memory: ${done} requests, ${seconds()} s`);
  });
  if (report.after - report.before > MOST_GROWTH) throw new Error(`it grows: ${JSON.stringify(report)}`);
  console.log(`soak: memory: passed, ${seconds()} s: ${JSON.stringify(report)}`);
} catch (error) {
  console.log(`soak: memory: FAILED, ${seconds()} s: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await field.close();
}
