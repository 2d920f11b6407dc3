import { chooseSeed } from "@linkgate/api/testing";
import { findGate } from "../gates/index.ts";
import { runSoak } from "../soak/run.ts";
import { Battlefield } from "./battle.ts";
import { campaign } from "./campaign.ts";

// `npm run soak -- attackers [--gate nginx|envoy] [--seed n] [--count n] [--first n]`: generated attacks, 10^7 unless told otherwise.

await runSoak({
  name: "attackers",
  numbers: { seed: chooseSeed(), count: 1e7, first: 0 },
  choices: { gate: ["nginx", "envoy"] },
  async work({ gate, seed, count, first }, progress) {
    const field = await Battlefield.open(findGate(gate), "optional");
    try {
      const onProgress = (done: number) => progress.tell(`${done} requests`);
      await campaign(field, { seed, requests: count, first, onProgress });
      return field.tally;
    } finally {
      await field.close();
    }
  },
});
