import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { gates } from "../gates/index.ts";
import { Battlefield } from "./battle.ts";
import { campaign } from "./campaign.ts";

// `npm run soak -- attackers [--gate nginx|envoy] [--seed n] [--count n] [--first n]`: generated attacks, 10^7 unless told otherwise.

const { values } = parseArgs({
  options: {
    gate: { type: "string", default: "nginx" },
    seed: { type: "string", default: String(randomInt(2 ** 32)) },
    count: { type: "string", default: "1e7" },
    first: { type: "string", default: "0" },
  },
});
const [seed, requests, first] = [Number(values.seed), Number(values.count), Number(values.first)];
const kind = gates.find(each => each.name === values.gate);
if (kind === undefined || ![seed, requests, first].every(Number.isSafeInteger)) {
  console.error(`gates: ${gates.map(each => each.name).join(", ")}; --seed, --count and --first are whole numbers`);
  process.exit(2);
}

const EVERY_MS = 30_000;
const start = performance.now();
const field = await Battlefield.open(kind, "optional");
let isStopped = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    isStopped = true;
  });
}
const seconds = () => ((performance.now() - start) / 1000).toFixed(0);
console.log(`soak: attackers: ${kind.name}, ${requests} requests, seed ${seed}`);
let told = start;
try {
  await campaign(field, {
    seed,
    requests,
    first,
    onProgress: done => {
      if (isStopped) throw new Error(`stopped after ${done} requests`);
      if (performance.now() - told < EVERY_MS) return;
      told = performance.now();
      console.log(`soak: attackers: ${done} requests, ${seconds()} s`);
    },
  });
  console.log(`soak: attackers: passed, ${seconds()} s: ${JSON.stringify(field.tally)}`);
} catch (error) {
  console.log(`soak: attackers: FAILED, ${seconds()} s: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await field.close();
}
