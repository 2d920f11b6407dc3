import { afterAll, beforeAll, expect, test } from "vitest";
import { fuzz } from "../../soak/fuzz/run.ts";
import { contract } from "../../src/contract/contract.ts";
import { startTestApi, type TestApi } from "../support/api.ts";

/** `npm run soak -- fuzz` sends ten times as many. */
const REQUESTS = 1000;
let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

/** The seed is in the message of a failure; LINKGATE_SEED sets it. */
test(`${REQUESTS} requests made from the contract: no 5xx, no answer outside it, nothing of the inside, no row half-written`, {
  timeout: 600_000,
}, async () => {
  const counts = await fuzz(api, { seed: Number(process.env.LINKGATE_SEED ?? 1), runs: REQUESTS });
  const reached = (id: string, isGood: boolean): boolean =>
    Object.keys(counts).some(key => key.startsWith(`${id} `) && Number(key.split(" ")[1]) < 400 === isGood);
  for (const { id, service } of contract.operations) {
    if (service === "admin") continue;
    expect(reached(id, false), `${id} was refused at least once`).toBe(true);
  }
  for (const id of ["Services_CreateOrUpdate", "PrivateEndpointConnectionProxies_CreateOrUpdate", "Services_Get"]) {
    expect(reached(id, true), `${id} succeeded at least once`).toBe(true);
  }
});
