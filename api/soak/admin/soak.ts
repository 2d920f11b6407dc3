import { World } from "../../test/admin/support/world.ts";
import { soakTestApi } from "../on-test-api.ts";
import { fuzzAdmin } from "./run.ts";

// `npm run soak -- admin [--seed n] [--runs n]`: 10,000 requests made from the admin API's document, by people with and without rights.
await soakTestApi({
  name: "admin",
  of: "requests",
  runs: 10_000,
  start: databaseUrl => World.start({ databaseUrl }),
  work: fuzzAdmin,
});
