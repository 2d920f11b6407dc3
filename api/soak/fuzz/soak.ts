import { startTestApi } from "../../test/support/api.ts";
import { soakTestApi } from "../on-test-api.ts";
import { fuzz } from "./run.ts";

// `npm run soak -- fuzz [--seed n] [--runs n]`: 10,000 requests made from the contract's documents, right and wrong ones.
await soakTestApi({
  name: "fuzz",
  of: "requests",
  runs: 10_000,
  start: databaseUrl => startTestApi({ databaseUrl }),
  work: fuzz,
});
