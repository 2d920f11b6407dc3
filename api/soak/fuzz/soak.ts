import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startEmbeddedPostgres } from "../../src/database/embedded-postgres.ts";
import { startTestApi } from "../../test/support/api.ts";
import { chooseSeed } from "../random.ts";
import { fuzz } from "./run.ts";

// `npm run soak -- fuzz [--seed n] [--runs n]`: 10,000 requests made from the contract's documents, right and wrong ones.

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(chooseSeed()) },
    runs: { type: "string", default: "10000" },
  },
});
const [seed, runs] = [Number(values.seed), Number(values.runs)];
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(runs)) {
  console.error("--seed and --runs are whole numbers");
  process.exit(2);
}

console.log(`soak: fuzz: ${runs} requests, seed ${seed}`);
const dataDir = await mkdtemp(join(tmpdir(), "linkgate-soak-"));
const postgres = await startEmbeddedPostgres({ dataDir });
const api = await startTestApi({ databaseUrl: postgres.url });
try {
  const counts = await fuzz(api, { seed, runs });
  console.log(`soak: fuzz: passed: ${JSON.stringify(counts)}`);
} catch (error) {
  console.log(`soak: fuzz: FAILED, --seed ${seed}: ${error}`);
  process.exitCode = 1;
} finally {
  await api.stop();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}
