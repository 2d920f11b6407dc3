import { findGate } from "../gates/index.ts";
import { runSoak } from "../soak/run.ts";
import { MemoryField } from "./rounds.ts";

// `npm run soak -- memory [--gate nginx|envoy] [--requests n] [--changes n]`: 10^6 requests and 10^5 changes of the table, after
// which the gate must take no more memory than behind a warm-up of a third of that.

/** kB that a heap may breathe. A leak of 10 bytes a request would be more. */
const MOST_GROWTH = 8192;

await runSoak({
  name: "memory",
  numbers: { requests: 1e6, changes: 1e5 },
  choices: { gate: ["envoy", "nginx"] },
  async work({ gate, requests, changes }, progress) {
    const field = await MemoryField.open(findGate(gate));
    try {
      const report = await field.run(requests, changes, done => progress.tell(`${done} requests`));
      if (report.after - report.before > MOST_GROWTH) throw new Error(`it grows: ${JSON.stringify(report)}`);
      return report;
    } finally {
      await field.close();
    }
  },
});
