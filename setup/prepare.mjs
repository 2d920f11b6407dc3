import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv, exit, stdout } from "node:process";
import { fileURLToPath } from "node:url";
import { createContext } from "./component.mjs";
import { prepareEnvoy } from "./envoy.mjs";
import { withLock } from "./lock.mjs";
import { MissingComponent } from "./missing.mjs";
import { prepareNginx } from "./nginx.mjs";
import { prepareNode } from "./node.mjs";
import { environmentFor } from "./npm.mjs";
import { preparePackages } from "./packages.mjs";
import { stopRunning } from "./run.mjs";
import { testTools } from "./test-tools.mjs";
import { compareVersions } from "./version.mjs";

/** What setup itself runs on; it brings the Node that the product runs on. */
const MINIMUM_SETUP_NODE = "20";

/** The repository's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * What the prepared machine runs things with.
 *
 * @typedef {object} Prepared
 * @property {string} node absolute path of a Node of 24 or newer
 * @property {NodeJS.ProcessEnv} env with that Node first in PATH
 */

/**
 * Fetches what this machine lacks into `.cache` and `node_modules`, one setup at a time, and prints a line per component.
 * Prints what can't be had, and why, and ends the process with 1 when anything is missing that everything stands on.
 *
 * @param {{ forTests?: boolean }} [purpose] `forTests` fetches what only tests run, too; they say what they skip without it
 * @returns {Promise<Prepared>}
 */
export async function prepare({ forTests = false } = {}) {
  const { platform, arch, versions } = process;
  if (platform !== "linux" || arch !== "x64" || compareVersions(versions.node, MINIMUM_SETUP_NODE) < 0) {
    stdout.write(`setup: needs Node ${MINIMUM_SETUP_NODE} or newer on Linux and x86-64; `);
    stdout.write(`this is Node ${versions.node} on ${platform} and ${arch}\n`);
    exit(1);
  }
  // What is fetched must be readable by NGINX's and PostgreSQL's own users.
  process.umask(0o022);
  const release = stopOnSignal();
  try {
    return await withLock(join(root, ".cache", "setup.lock"), sayWaiting, lockFd =>
      prepareComponents(lockFd, forTests),
    );
  } catch (error) {
    if (!(error instanceof MissingComponents)) throw error;
    exit(1);
  } finally {
    release();
  }
}

class MissingComponents extends Error {}

/**
 * @param {number} lockFd
 * @param {boolean} forTests
 * @returns {Promise<Prepared>}
 */
async function prepareComponents(lockFd, forTests) {
  const context = createContext(root, lockFd);
  const node = await report("Node", () => prepareNode(context));
  const packages = node && (await report("npm packages", () => preparePackages(context, node.runtime)));
  for (const tool of forTests ? testTools : []) await report(tool.name, () => tool.prepare(context));
  const envoy = await report("Envoy", () => prepareEnvoy(context));
  const nginx = await report("NGINX", () => prepareNginx(context));
  if (!node || !packages || !envoy || !nginx) throw new MissingComponents();
  return { node: node.runtime.command, env: environmentFor(node.runtime.command) };
}

/**
 * @template {import("./component.mjs").Outcome} T
 * @param {string} name
 * @param {() => Promise<T>} component
 * @returns {Promise<T | null>} null when it could not be had, which has been printed
 */
async function report(name, component) {
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  stdout.write(`setup: ${name}: `);
  try {
    const outcome = await component();
    stdout.write(`${outcome.what}, ${outcome.found ? "there already" : "installed"}, ${seconds()}\n`);
    return outcome;
  } catch (error) {
    if (!(error instanceof MissingComponent)) throw error;
    stdout.write(`missing, ${seconds()}\nsetup: ${error.message}\n`);
    return null;
  }
}

/** @param {string} owner */
function sayWaiting(owner) {
  stdout.write(`setup: waiting for another setup (process ${owner})\n`);
}

/** @returns {() => void} takes the handlers away again */
function stopOnSignal() {
  /** @param {NodeJS.Signals} signal */
  const stop = signal => {
    stopRunning("SIGTERM");
    stdout.write(`\nsetup: stopped by ${signal}; the next start goes on from here\n`);
    exit(signal === "SIGINT" ? 130 : 143);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return () => {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  };
}

if (argv[1] !== undefined && realpathSync(argv[1]) === fileURLToPath(import.meta.url)) await prepare();
