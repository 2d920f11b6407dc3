import { describe, expect, test } from "vitest";
import { explore } from "../model/explore.ts";
import { type OmissionName, omissions } from "../model/rules.ts";
import { scenarios } from "../model/scenarios.ts";

const names = Object.keys(omissions) as OmissionName[];
/** What found.md says of each. */
const held: string[] = [];
const failed: string[] = [];

describe("with all rules", () => {
  test.each(scenarios)("$name: $about", scenario => {
    const { states, moves, depth, counterexample } = explore(scenario);
    console.log(`${scenario.name}: ${states} states, ${moves} moves, depth ${depth}`);
    held.push(`| ${scenario.name} | ${scenario.about} | ${states} | ${moves} | ${depth} |`);
    expect(counterexample).toBeUndefined();
  });

  test.each(scenarios)("$name would show that something is missing", ({ name }) => {
    expect(Object.values(omissions).map(({ scenario }) => scenario)).toContain(name);
  });
});

describe("without a rule there is a counterexample", () => {
  test.each(names)("%s", name => {
    const { rule, instead, breaks, shows, ...omission } = omissions[name];
    const scenario = scenarios.find(one => one.name === omission.scenario);
    if (scenario === undefined) throw new Error(`there is no scenario ${omission.scenario}`);
    const { counterexample } = explore(scenario, name);
    const trace = counterexample?.trace ?? [];
    const steps = trace.map((step, i) => `${i + 1}. ${step}`).join("\n");
    console.log(`${name}: breaks ${counterexample?.broken} after ${trace.length} moves\n${steps}`);
    failed.push(
      `### ${name}\n\nRule ${rule}. Instead: ${instead}. Scenario "${scenario.name}" then breaks **${breaks}**:\n\n${steps}\n`,
    );
    expect(counterexample?.broken).toBe(breaks);
    expect(steps).toContain(shows);
  });
});

test("all of it is written down", async ({ skip }) => {
  if (held.length < scenarios.length || failed.length < names.length) skip("not everything was explored in this run");
  await expect(`# What the model found

Written by the tests; after a change of the model \`npx vitest run --project protocol -u\` writes it again. [README.md](README.md) explains.

## With all rules

Each scenario was searched to the end. Every invariant holds in every state, and both goals are in reach from every state.

| scenario | what happens in it | states | moves | depth |
|---|---|---:|---:|---:|
${held.join("\n")}

## Without a rule

The shortest way to each failure. Both accounts, \`a\` and \`b\`, begin with version 1 and a link; \`done\` and \`more\` end a page.

${failed.join("\n")}`).toMatchFileSnapshot("../found.md");
});
