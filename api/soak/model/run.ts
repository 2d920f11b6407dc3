import fc from "fast-check";
import type { TestApi } from "../../test/support/api.ts";
import { checkRegistry } from "../invariants.ts";
import { commands, hearAll, type Real } from "./commands.ts";
import { Model } from "./model.ts";

/** Connections of an account in a run; few, so that the maximum is met. */
export const MAX_CONNECTIONS = 2;

export interface ModelOptions {
  readonly seed: number;
  /** Sequences. */
  readonly runs: number;
  /** Calls of a sequence, at most. */
  readonly length: number;
}

let made = 0;

/**
 * Sends random sequences of calls to an api whose accounts may have {@link MAX_CONNECTIONS}, and to the model; throws, with
 * the shortest sequence it finds, when they differ in a status, a code, a body, an operation or in what a gate is told.
 */
export async function checkAgainstModel(api: TestApi, { seed, runs, length }: ModelOptions): Promise<void> {
  const gate = api.gate();
  await gate.catchUp();
  const property = fc.asyncProperty(commands(length), async sequence => {
    made += 1;
    const real: Real = { api, gate, run: `run${made}`, links: 10 * made, operations: new Set() };
    const model = new Model(MAX_CONNECTIONS);
    await fc.asyncModelRun(() => ({ model, real }), sequence);
    await hearAll(model, real);
    const broken = await checkRegistry(api.databaseUrl, MAX_CONNECTIONS);
    if (broken.length > 0) throw new Error(broken.join("\n"));
  });
  await fc.assert(property, { seed, numRuns: runs });
  await gate.sayGoodbye();
}
