import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startEmbeddedPostgres } from "../../src/database/embedded-postgres.ts";
import { startTestApi } from "../../test/support/api.ts";
import { chooseSeed } from "../random.ts";
import { checkAgainstModel, MAX_CONNECTIONS } from "./run.ts";

// `npm run soak -- model [--seed n] [--runs n]`: the api against the model of its states, in 2,000 sequences of up to 80 calls.

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(chooseSeed()) },
    runs: { type: "string", default: "2000" },
  },
});
const [seed, runs] = [Number(values.seed), Number(values.runs)];
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(runs)) {
  console.error("--seed and --runs are whole numbers");
  process.exit(2);
}

console.log(`soak: model: ${runs} sequences, seed ${seed}`);
const dataDir = await mkdtemp(join(tmpdir(), "linkgate-soak-"));
const postgres = await startEmbeddedPostgres({ dataDir });
const api = await startTestApi({ databaseUrl: postgres.url, settings: { maxConnections: MAX_CONNECTIONS } });
try {
  await checkAgainstModel(api, { seed, runs, length: 80 });
  console.log("soak: model: passed");
} catch (error) {
  console.log(`soak: model: FAILED, --seed ${seed}: ${error}`);
  process.exitCode = 1;
} finally {
  await api.stop();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}
