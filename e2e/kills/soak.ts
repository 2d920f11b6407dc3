import { parseArgs } from "node:util";
import type { GateKind } from "../gates/index.ts";
import { chooseSeed } from "../world/seed.ts";
import { World } from "../world/world.ts";
import { killableGates as gates, type KillReport, runKillRounds } from "./rounds.ts";

// `npm run soak -- kills [--gate nginx|envoy] [--seed n] [--count n] [--first n]`: kills, 1,000 unless told otherwise, in legs of 50,
// each in a new world with the seed's next number: `--seed` and `--first` of a failed leg do that leg again.

const LEG = 50;

const { values } = parseArgs({
  options: {
    gate: { type: "string", default: "nginx" },
    seed: { type: "string", default: String(chooseSeed()) },
    count: { type: "string", default: "1000" },
    first: { type: "string", default: "0" },
  },
});
const [seed, count, first] = [Number(values.seed), Number(values.count), Number(values.first)];
const kind = gates.find(each => each.name === values.gate);
if (kind === undefined || ![seed, count, first].every(Number.isSafeInteger)) {
  console.error(`gates: ${gates.map(each => each.name).join(", ")}; --seed, --count and --first are whole numbers`);
  process.exit(2);
}

const start = performance.now();
const seconds = () => ((performance.now() - start) / 1000).toFixed(0);
let isStopped = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    isStopped = true;
  });
}
console.log(`soak: kills: ${kind.name}, ${count} kills, seed ${seed}`);
for (let done = first; done < count && process.exitCode === undefined && !isStopped; done += LEG) {
  try {
    const report = await runLeg(kind, Math.min(LEG, count - done), seed + done);
    console.log(`soak: kills: ${Math.min(done + LEG, count)} kills, ${seconds()} s: ${JSON.stringify(report)}`);
  } catch (error) {
    console.log(`soak: kills: FAILED, --seed ${seed} --first ${done}, ${seconds()} s: ${error}`);
    process.exitCode = 1;
  }
}
if (process.exitCode === undefined && !isStopped) console.log(`soak: kills: passed, ${seconds()} s`);

async function runLeg(kind: GateKind, rounds: number, seed: number): Promise<KillReport> {
  const world = await World.start(kind, ["one", "other"]);
  try {
    await Promise.all(["one", "other"].map(name => world.addGate(name, { maxTableAge: 5 })));
    const report = await runKillRounds(world, rounds, seed);
    if (world.traffic.objections.length > 0) throw new Error(world.traffic.objections.join("; "));
    return report;
  } catch (error) {
    console.log(await world.explain());
    throw error;
  } finally {
    await world.stop();
  }
}
