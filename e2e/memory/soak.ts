import { findGate } from "../gates/index.ts";
import { runSoak } from "../soak/run.ts";
import { MemoryField } from "./rounds.ts";

// `npm run soak -- memory [--gate nginx|envoy] [--requests n] [--changes n]`: 10^6 requests and 10^5 changes of the table, after
// which the gate must have taken no more memory than in a warm-up of half of that.

/** kB that a heap may breathe. A leak of 10 bytes a request would be more. */
const MOST_GROWTH = 8192;
/**
 * kB that a page of changes holds until NGINX's follower begins anew, which it does each minute: only then njs gives back what a
 * fetch took, 8 kB of it the buffer of js_fetch_buffer_size. A thousand pages more in a minute took 26 to 30 MB more. So a minute that
 * is busier than all before it takes more, and that is no leak. Envoy's follower gives back what an answer took when it has read it.
 */
const HELD_BY_A_PAGE: Readonly<Record<string, number>> = { nginx: 30, envoy: 0 };

await runSoak({
  name: "memory",
  numbers: { requests: 1e6, changes: 1e5 },
  choices: { gate: ["envoy", "nginx"] },
  async work({ gate, requests, changes }, progress) {
    const field = await MemoryField.open(findGate(gate));
    try {
      const report = await field.run(requests, changes, done => progress.tell(`${done} requests`));
      const { before, after, pagesBefore, pagesAfter } = report;
      const held = (pagesAfter - pagesBefore) * (HELD_BY_A_PAGE[gate] ?? 0);
      if (after - before - held > MOST_GROWTH) throw new Error(`it grows: ${JSON.stringify(report)}`);
      return report;
    } finally {
      await field.close();
    }
  },
});
