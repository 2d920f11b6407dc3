import { afterAll, beforeAll, expect, test } from "vitest";
import { checkAgainstModel, MAX_CONNECTIONS } from "../../soak/model/run.ts";
import { chooseSeed } from "../../soak/random.ts";
import { startTestApi, type TestApi } from "../support/api.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi({ settings: { maxConnections: MAX_CONNECTIONS } });
});
afterAll(() => api.stop());

/** `npm run soak -- model` does many more. The seed is in the message of a failure; LINKGATE_SEED sets it. */
test("random sequences of all calls, by right and wrong callers, answer what the transition table says", {
  timeout: 600_000,
}, async () => {
  await expect(checkAgainstModel(api, { seed: chooseSeed(), runs: 15, length: 40 })).resolves.toBeUndefined();
});
