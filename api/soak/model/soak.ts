import { startTestApi } from "../../test/support/api.ts";
import { soakTestApi } from "../on-test-api.ts";
import { checkAgainstModel, MAX_CONNECTIONS } from "./run.ts";

// `npm run soak -- model [--seed n] [--runs n]`: the api against the model of its states, in 2,000 sequences of up to 80 calls.
await soakTestApi({
  name: "model",
  of: "sequences",
  runs: 2000,
  start: databaseUrl => startTestApi({ databaseUrl, settings: { maxConnections: MAX_CONNECTIONS } }),
  work: (api, { seed, runs }) => checkAgainstModel(api, { seed, runs, length: 80 }),
});
