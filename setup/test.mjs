import { join } from "node:path";
import { argv, exit, stdout } from "node:process";
import { runInForeground } from "./foreground.mjs";
import { npmOn } from "./npm.mjs";
import { prepare, root } from "./prepare.mjs";
import { CommandError, messageOf, run, stopRunning } from "./run.mjs";

/** `npm test [-- <arguments of vitest>]`: what is missing is installed, then every check runs, also after one has failed. */
const { node, env } = await prepare({ forTests: true });
const bin = join(root, "node_modules", ".bin");
const npm = npmOn(node, join(root, ".cache"));

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {() => Promise<void>} run
 */

/** @type {Check[]} */
const checks = [
  { name: "types", run: () => quietly("types", join(bin, "tsc"), ["-b"]) },
  { name: "format and lint", run: () => quietly("lint", join(bin, "biome"), ["check", "--error-on-warnings", "."]) },
  { name: "core as wasm", run: () => quietly("wasm", npm.command, [...npm.args, "run", "build", "-w", "core"]) },
  { name: "portal", run: () => quietly("portal", node, ["portal/build.ts"]) },
  { name: "tests", run: runTests },
];

/** @type {string[]} */
const failed = [];
for (const check of checks) {
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  try {
    await check.run();
    stdout.write(`test: ${check.name}: passed, ${seconds()}\n`);
  } catch (error) {
    failed.push(check.name);
    if (error instanceof CommandError) stdout.write(error.output);
    stdout.write(`test: ${check.name}: FAILED, ${seconds()}: ${messageOf(error)}\n`);
  }
}
stdout.write(failed.length === 0 ? "test: all passed\n" : `test: FAILED: ${failed.join(", ")}\n`);
exit(failed.length === 0 ? 0 : 1);

/**
 * Shows the output only when the command fails.
 *
 * @param {string} name of the log file
 * @param {string} command
 * @param {string[]} args
 */
async function quietly(name, command, args) {
  const release = endOnSignal();
  try {
    await run(command, args, { cwd: root, env, logFile: join(root, ".cache", "logs", `test-${name}.log`) });
  } finally {
    release();
  }
}

/** Shows the output as it comes. */
async function runTests() {
  const code = await runInForeground(node, [join(bin, "vitest"), "run", ...argv.slice(2)], { cwd: root, env });
  if (code !== 0) throw new Error(`vitest ended with ${code}`);
}

/** @returns {() => void} takes the handlers away again */
function endOnSignal() {
  const end = () => {
    stopRunning("SIGTERM");
    exit(130);
  };
  process.on("SIGINT", end).on("SIGTERM", end);
  return () => {
    process.off("SIGINT", end).off("SIGTERM", end);
  };
}
