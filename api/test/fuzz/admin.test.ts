import { afterAll, beforeAll, expect, test } from "vitest";
import { fuzzAdmin } from "../../soak/admin/run.ts";
import { contract } from "../../src/contract/contract.ts";
import { World } from "../admin/support/world.ts";

/** `npm run soak -- admin` sends ten times as many. */
const REQUESTS = 1000;
let world: World;

beforeAll(async () => {
  world = await World.start();
});
afterAll(() => world.stop());

/** The seed is in the message of a failure; LINKGATE_SEED sets it. */
test(`${REQUESTS} requests to the admin API made from its document: no 5xx, no answer outside it, nobody told what is another's`, {
  timeout: 600_000,
}, async () => {
  const counts = await fuzzAdmin(world, { seed: Number(process.env.LINKGATE_SEED ?? 1), runs: REQUESTS });
  const reached = (id: string, isGood: boolean): boolean =>
    Object.keys(counts).some(key => key.startsWith(`${id} `) && Number(key.split(" ")[1]) < 400 === isGood);
  for (const { id, service } of contract.operations) {
    if (service !== "admin") continue;
    expect(reached(id, false), `${id} was refused at least once`).toBe(true);
    // Nothing of this api leads to NRP, so nothing can be compared with it.
    if (id !== "Registry_Reconcile") expect(reached(id, true), `${id} succeeded at least once`).toBe(true);
  }
});
