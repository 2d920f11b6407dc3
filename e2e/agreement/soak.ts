import { parseArgs } from "node:util";
import { chooseSeed } from "../world/seed.ts";
import { findAgreement } from "./agree.ts";

// `npm run soak -- agreement [--seed n] [--count n] [--first n] [--tlv off|optional|required]`: random requests to both gates, of
// which each and core in Node must say the same; 10^6 unless told otherwise, a third by each mode of the TLV.

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(chooseSeed()) },
    count: { type: "string", default: "1e6" },
    first: { type: "string", default: "0" },
    tlv: { type: "string" },
  },
});
const modes = (["off", "optional", "required"] as const).filter(mode => (values.tlv ?? mode) === mode);
const [seed, count, first] = [Number(values.seed), Number(values.count), Number(values.first)];
if (modes.length === 0 || ![seed, count, first].every(Number.isSafeInteger)) {
  console.error("--tlv is off, optional or required; --seed, --count and --first are whole numbers");
  process.exit(2);
}

const EVERY_MS = 30_000;
const start = performance.now();
const seconds = () => ((performance.now() - start) / 1000).toFixed(0);
let isStopped = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    isStopped = true;
  });
}
console.log(`soak: agreement: ${count} requests, seed ${seed}`);
let told = start;
try {
  for (const linkTlv of modes) {
    const agreement = await findAgreement({
      linkTlv,
      seed,
      first,
      requests: Math.ceil(count / modes.length),
      onProgress: done => {
        if (isStopped) throw new Error(`stopped after ${done} requests with TLV ${linkTlv}`);
        if (performance.now() - told < EVERY_MS) return;
        told = performance.now();
        console.log(`soak: agreement: ${done} requests with TLV ${linkTlv}, ${seconds()} s`);
      },
    });
    console.log(`soak: agreement: TLV ${linkTlv}, ${seconds()} s: ${JSON.stringify(agreement)}`);
  }
  console.log(`soak: agreement: passed, ${seconds()} s`);
} catch (error) {
  console.log(`soak: agreement: FAILED, ${seconds()} s: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
