import { chooseSeed } from "@linkgate/api/testing";
import { describe, expect, onTestFailed, test } from "vitest";
import { killableGates, runKillRounds } from "../kills/rounds.ts";
import { World } from "../world/world.ts";

/** Envoy takes longer to come back. `npm run soak -- kills --gate <name>` makes a thousand. */
const ROUNDS: Readonly<Record<string, number>> = { nginx: 35, envoy: 15 };

describe.each(killableGates)("kills with $name", kind => {
  const rounds = ROUNDS[kind.name] ?? 0;
  test(`${rounds} times something is killed while links are given and taken: nothing is lost, nothing comes back`, {
    timeout: 1_200_000,
  }, async () => {
    const seed = chooseSeed();
    const world = await World.start(kind, ["one", "other"]);
    onTestFailed(() => console.log(`LINKGATE_SEED=${seed}\n${explained}`));
    let explained = "";
    try {
      await Promise.all(["one", "other"].map(name => world.addGate(name, { maxTableAge: 5 })));
      const report = await runKillRounds(world, rounds, seed);
      console.log(report, world.traffic.counts);
      expect(world.traffic.objections).toEqual([]);
    } finally {
      explained = await world.explain();
      await world.stop();
    }
  });
});
