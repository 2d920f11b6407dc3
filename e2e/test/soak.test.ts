import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";

// How every soak of this folder begins and ends.

const RUN = join(import.meta.dirname, "../soak/run.ts");

/** Runs a soak with this `work`. @param onOutput called with all that it has said, whenever that is more */
async function runWork(work: string, args: readonly string[] = [], onOutput = (_: string, __: () => void) => {}) {
  const script = `import { runSoak } from ${JSON.stringify(RUN)};
    await runSoak({ name: "sample", numbers: { count: 10 }, choices: { gate: ["one", "other"] }, work: ${work} });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script, "--", ...args]);
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", text => {
      said += text;
      onOutput(said, () => child.kill("SIGTERM"));
    });
  const [code] = (await once(child, "close")) as [number];
  return { code, said };
}

test("a soak says with what it was begun, and what came of it", async () => {
  const { code, said } = await runWork("async options => options", ["--count", "1e3"]);
  expect(said).toContain("soak: sample: --count 1000 --gate one\n");
  expect(said).toMatch(/^soak: sample: passed: \{"count":1000,"gate":"one"\}, \d+ s$/m);
  expect(code).toBe(0);
});

test("one that fails says why, with status 1", async () => {
  const { code, said } = await runWork(`async () => { throw new Error("nothing agrees"); }`);
  expect(said).toContain("soak: sample: FAILED: nothing agrees");
  expect(code).toBe(1);
});

test("one that is told to stop does so at its next word, and has not passed", async () => {
  const work = `async (_, progress) => {
    progress.say("1 thing");
    for (;;) { await new Promise(resolve => setTimeout(resolve, 1)); progress.tell("2 things"); }
  }`;
  let isTold = false; // a second signal would end it at once
  const { code, said } = await runWork(work, [], (text, stop) => {
    if (isTold || !/1 thing, \d+ s\n/.test(text)) return;
    isTold = true;
    stop();
  });
  expect(said).toContain("FAILED: stopped after 2 things");
  expect(code).toBe(1);
});

test.for([
  ["--count", "many", "--count is a whole number"],
  ["--count", "-1", "--count is a whole number"],
  ["--gate", "third", "--gate is one of one, other"],
] as const)("%s %s is refused, with status 2", async ([option, value, why]) => {
  const { code, said } = await runWork("async () => {}", [`${option}=${value}`]);
  expect(said).toContain(why);
  expect(code).toBe(2);
});
