import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";

/** What an npm tells its scripts about itself. A child that runs on another Node must not believe it. */
const ABOUT_THE_CALLER = [
  /^npm_(node_execpath|execpath|command|package_.*|lifecycle_.*)$/,
  /^npm_config_(prefix|local_prefix|global_prefix|node_gyp|npm_version|user_agent|init_module|workspaces?|omit|include)$/,
  /^(NODE|INIT_CWD|NODE_ENV)$/,
];

/**
 * The environment for everything that must run on a given Node: that one first in PATH, nothing left of the npm that
 * started the setup.
 *
 * @param {string} node absolute path of a Node binary
 * @param {NodeJS.ProcessEnv} [base]
 * @returns {NodeJS.ProcessEnv}
 */
export function environmentFor(node, base = process.env) {
  /** @type {NodeJS.ProcessEnv} */
  const env = {};
  for (const [name, value] of Object.entries(base)) {
    if (!ABOUT_THE_CALLER.some(pattern => pattern.test(name))) env[name] = value;
  }
  env.PATH = [dirname(node), base.PATH ?? ""].join(delimiter);
  return env;
}

/**
 * How to run npm itself on a given Node.
 *
 * @param {string} node absolute path of a Node binary
 * @param {string} cache folder for npm's own cache where the user has no home to write to
 * @returns {{ command: string, args: string[], env: NodeJS.ProcessEnv }}
 */
export function npmOn(node, cache) {
  const env = environmentFor(node);
  env.npm_config_globalconfig ??= findGlobalConfig();
  if (env.npm_config_cache === undefined && !isWritable(env.HOME)) env.npm_config_cache = join(cache, "npm");
  const script = findNpmScript();
  return script === null ? { command: "npm", args: [], env } : { command: node, args: [script], env };
}

/**
 * The machine's registry and certificates may stand in npm's global configuration, which an npm on another Node would look
 * for in another place.
 *
 * @returns {string | undefined}
 */
function findGlobalConfig() {
  const { status, stdout } = spawnSync("npm", ["config", "get", "globalconfig"], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/** @returns {string | null} npm's own script, to be run by a Node of our choice rather than by its `#!` line */
function findNpmScript() {
  const started = process.env.npm_execpath;
  if (started !== undefined && basename(started) === "npm-cli.js" && existsSync(started)) return started;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const candidate = join(folder, "npm");
    if (!existsSync(candidate)) continue;
    const script = realpathSync(candidate);
    return basename(script) === "npm-cli.js" ? script : null;
  }
  return null;
}

/** @param {string | undefined} folder */
function isWritable(folder) {
  if (folder === undefined || folder === "") return false;
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
