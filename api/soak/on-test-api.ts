import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startEmbeddedPostgres } from "../src/database/embedded-postgres.ts";
import { chooseSeed } from "./random.ts";

/** A soak that asks one api, made for it, a number of times. */
export interface TestApiSoak<Api extends { stop(): Promise<void> }> {
  /** Of `npm run soak -- <name>`. */
  readonly name: string;
  /** What `--runs` counts, in the plural. */
  readonly of: string;
  /** `--runs` unless told otherwise. */
  readonly runs: number;
  readonly start: (databaseUrl: string) => Promise<Api>;
  /** @returns what is printed of a soak that has passed, if anything */
  readonly work: (api: Api, options: { seed: number; runs: number }) => Promise<unknown>;
}

/** Reads `--seed` and `--runs`, starts an api on a PostgreSQL of its own, works, and says what came of it; 1 for a failure, 2 for bad options. */
export async function soakTestApi<Api extends { stop(): Promise<void> }>(soak: TestApiSoak<Api>): Promise<void> {
  const { name, of, start, work } = soak;
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: String(chooseSeed()) },
      runs: { type: "string", default: String(soak.runs) },
    },
  });
  const [seed, runs] = [Number(values.seed), Number(values.runs)];
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(runs)) {
    console.error("--seed and --runs are whole numbers");
    process.exit(2);
  }

  console.log(`soak: ${name}: ${runs} ${of}, seed ${seed}`);
  const dataDir = await mkdtemp(join(tmpdir(), "linkgate-soak-"));
  const postgres = await startEmbeddedPostgres({ dataDir });
  const api = await start(postgres.url);
  try {
    const counts = await work(api, { seed, runs });
    console.log(`soak: ${name}: passed${counts === undefined ? "" : `: ${JSON.stringify(counts)}`}`);
  } catch (error) {
    console.log(`soak: ${name}: FAILED, --seed ${seed}: ${error}`);
    process.exitCode = 1;
  } finally {
    await api.stop();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
