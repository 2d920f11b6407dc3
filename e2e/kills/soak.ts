import { chooseSeed } from "@linkgate/api/testing";
import { findGate, type GateKind } from "../gates/index.ts";
import { runSoak } from "../soak/run.ts";
import { World } from "../world/world.ts";
import { type KillReport, killableGates, runKillRounds } from "./rounds.ts";

// `npm run soak -- kills [--gate nginx|envoy] [--seed n] [--count n] [--first n]`: kills, 1,000 unless told otherwise, in legs of 50,
// each in a new world with the seed's next number: `--seed` and `--first` of a failed leg do that leg again.

const LEG = 50;

await runSoak({
  name: "kills",
  numbers: { seed: chooseSeed(), count: 1000, first: 0 },
  choices: { gate: ["nginx", "envoy"] },
  async work({ gate, seed, count, first }, progress) {
    const kind = findGate(gate, killableGates);
    for (let done = first; done < count; done += LEG) {
      const size = Math.min(LEG, count - done);
      const report = await runLeg(kind, size, seed + done).catch((error: unknown) => {
        throw new Error(`--seed ${seed} --first ${done}: ${error}`);
      });
      progress.say(`${done + size} kills: ${JSON.stringify(report)}`);
    }
    return { kills: count - first };
  },
});

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
