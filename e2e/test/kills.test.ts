import { describe, expect, onTestFailed, test } from "vitest";
import { gates } from "../gates/index.ts";
import { runKillRounds } from "../kills/rounds.ts";
import { chooseSeed } from "../world/seed.ts";
import { World } from "../world/world.ts";

/** `npm run soak -- kills` makes a thousand. */
const ROUNDS = 50;

describe.each(gates)("kills with $name", kind => {
  test(`${ROUNDS} processes are killed while links are given and taken: nothing is lost, nothing comes back`, {
    timeout: 600_000,
  }, async () => {
    const seed = chooseSeed();
    const world = await World.start(kind, ["one", "other"]);
    onTestFailed(() => console.log(`LINKGATE_SEED=${seed}\n${explained}`));
    let explained = "";
    try {
      await Promise.all(["one", "other"].map(name => world.addGate(name, { maxTableAge: 5 })));
      const report = await runKillRounds(world, ROUNDS, seed);
      console.log(report, world.traffic.counts);
      expect(world.traffic.objections).toEqual([]);
    } finally {
      explained = await world.explain();
      await world.stop();
    }
  });
});
