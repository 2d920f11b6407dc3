import { parseArgs } from "node:util";
import { chooseSeed } from "../random.ts";
import { soakReplicas } from "./run.ts";

// `npm run soak -- replicas [--seed n] [--seconds n]`: 32 writers on 3 replicas of the api that are killed, for 5 minutes.

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(chooseSeed()) },
    seconds: { type: "string", default: "300" },
  },
});
const [seed, seconds] = [Number(values.seed), Number(values.seconds)];
if (!Number.isSafeInteger(seed) || !(seconds > 0)) {
  console.error("--seed is a whole number, --seconds a positive one");
  process.exit(2);
}

const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopping.abort());
console.log(`soak: replicas: ${seconds} s, seed ${seed}`);
const { objections, counts, errors } = await soakReplicas({ seed, seconds, signal: stopping.signal });
console.log(`soak: replicas: ${JSON.stringify(counts)}`);
if (objections.length > 0) {
  console.log(
    `soak: replicas: FAILED, --seed ${seed}:\n  ${objections.join("\n  ")}\nlogged:\n  ${errors.join("\n  ")}`,
  );
  process.exitCode = 1;
} else console.log("soak: replicas: passed");
