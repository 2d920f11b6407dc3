import { argv, exit, stderr, stdout } from "node:process";
import { makeMachine } from "./machine.ts";
import { type OmissionName, omissions } from "./rules.ts";
import { scenarios } from "./scenarios.ts";
import { type Outcome, search } from "./search.ts";
import type { Scenario } from "./world.ts";

/** Most states of a scenario. More would make the tests slow: make the scenario smaller, or another one of a part of it. */
export const LIMIT = 400_000;

/** Explores a scenario, with all rules or without one. */
export function explore(scenario: Scenario, without?: OmissionName): Outcome {
  return search(makeMachine({ ...scenario, without }), LIMIT);
}

/** What was found, for people. */
export function describe(outcome: Outcome): string {
  const { states, moves, depth, counterexample } = outcome;
  const counts = `${states} states, ${moves} moves, depth ${depth}`;
  if (counterexample === undefined) return `holds: ${counts}`;
  const steps = counterexample.trace.map((step, i) => `  ${i + 1}. ${step}`);
  return `breaks ${counterexample.broken} after ${steps.length} moves (${counts})\n${steps.join("\n")}`;
}

const usage = `usage: node docs/protocol/model/explore.ts [scenario | name of an omission]
`;

if (import.meta.main) {
  const [name] = argv.slice(2);
  const omission = Object.keys(omissions).find(key => key === name) as OmissionName | undefined;
  const wanted = scenarios.filter(scenario => {
    if (name === undefined) return true;
    return scenario.name === (omission === undefined ? name : omissions[omission].scenario);
  });
  if (wanted.length === 0) {
    stderr.write(usage);
    exit(64);
  }
  for (const scenario of wanted) {
    const begun = performance.now();
    const text = describe(explore(scenario, omission));
    stdout.write(`${scenario.name}: ${text}, ${((performance.now() - begun) / 1000).toFixed(1)} s\n`);
  }
}
