import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listDebianWays, writeLoaderWrapper } from "./debian.mjs";
import { MissingComponent } from "./missing.mjs";

/** @typedef {import("./component.mjs").Context} Context */
/** @typedef {import("./component.mjs").Outcome} Outcome */

/** A change of this file's way to build the cache, or of its packages, builds it anew. */
const RECIPE = 1;
/** A load balancer that nobody here wrote, and a clock that can be stepped for one process. */
const PACKAGES = ["haproxy", "libfaketime"];

/**
 * Puts what only tests run into `.cache/tools`: `bin/haproxy`, and `lib/libfaketime.so.1` to preload.
 *
 * @param {Context} context
 * @returns {Promise<Outcome>}
 * @throws {MissingComponent} naming every way that was tried
 */
export async function prepareTools(context) {
  const home = join(context.cache, "tools");
  const manifestFile = join(home, "manifest.json");
  const cached = existsSync(manifestFile) ? JSON.parse(readFileSync(manifestFile, "utf8")) : null;
  if (cached?.recipe === RECIPE) return { what: cached.what, found: true };

  const logFile = join(context.cache, "logs", "tools.log");
  rmSync(logFile, { force: true });
  /** @type {import("./missing.mjs").Attempt[]} */
  const attempts = [];
  const ways = listDebianWays(context, PACKAGES, logFile, (draft, source, files) => {
    writeLoaderWrapper(draft, "usr/sbin/haproxy");
    symlinkSync("root/usr/lib/x86_64-linux-gnu/faketime", join(draft, "lib"));
    const what = `${readHaproxyVersion(draft)} and libfaketime (${source})`;
    writeFileSync(join(draft, "manifest.json"), `${JSON.stringify({ recipe: RECIPE, what, files }, null, 2)}\n`);
    return what;
  });
  for (const { way, build } of ways) {
    const draft = context.draftFolder("tools");
    try {
      const what = await build(draft);
      context.replaceFolder(draft, home);
      return { what, found: false };
    } catch (error) {
      attempts.push({ way, error });
      rmSync(draft, { recursive: true, force: true });
    }
  }
  throw new MissingComponent({
    component: "HAProxy and libfaketime",
    attempts,
    consequence: "the tests with a foreign load balancer and with a clock that is stepped are skipped",
    logFile,
  });
}

/** @param {string} draft */
function readHaproxyVersion(draft) {
  const version = /version (\d[\d.]*)/.exec(
    execFileSync(join(draft, "bin/haproxy"), ["-v"], { encoding: "utf8" }),
  )?.[1];
  if (version === undefined || !existsSync(join(draft, "lib/libfaketime.so.1")))
    throw new Error("a package lacks its file");
  return `HAProxy ${version}`;
}
