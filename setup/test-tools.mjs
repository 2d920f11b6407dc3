import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildFirst } from "./component.mjs";
import { listDebianWays, NEW_SUITES, writeLoaderWrapper, writeWrapper } from "./debian.mjs";

/** @typedef {import("./component.mjs").Context} Context */
/** @typedef {import("./component.mjs").Outcome} Outcome */

/**
 * A Debian package that only tests use. Its tests are skipped, and say so, where it can't be had.
 *
 * @typedef {object} Tool
 * @property {string} name
 * @property {string} folder in `.cache`; a change of what is put there takes another name, so that it is built anew
 * @property {string[]} packages
 * @property {string[]} suites
 * @property {string} consequence of doing without
 * @property {(draft: string) => string} finish makes the unpacked draft fit to use, and says what it is
 */

/** The unpacked fonts alone, so that pictures look the same on every machine. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">root/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias><family>sans-serif</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias><family>system-ui</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>Liberation Mono</family></prefer></alias>
</fontconfig>
`;

/** @type {Tool[]} */
const tools = [
  {
    name: "HAProxy",
    folder: "haproxy",
    packages: ["haproxy"],
    suites: NEW_SUITES,
    consequence: "the tests with a load balancer that nobody here wrote are skipped",
    finish: draft => {
      writeLoaderWrapper(draft, "usr/sbin/haproxy");
      const text = execFileSync(join(draft, "bin/haproxy"), ["-v"], { encoding: "utf8" });
      return /version (\d[\d.]*)/.exec(text)?.[1] ?? "of an unknown version";
    },
  },
  {
    name: "Chromium",
    folder: "chromium",
    packages: ["chromium", "fonts-liberation"],
    // Built for the libc of this machine, which it runs on.
    suites: [...readOwnSuite(), "bookworm"],
    consequence: "the portal's tests in a browser are skipped",
    finish: draft => {
      const libraries = "$root/usr/lib/x86_64-linux-gnu";
      writeFileSync(join(draft, "fonts.conf"), FONTS);
      writeWrapper(
        draft,
        "chromium",
        `home=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
root=$home/root
export FONTCONFIG_FILE="$home/fonts.conf" LD_LIBRARY_PATH="${libraries}:$root/lib/x86_64-linux-gnu:${libraries}/pulseaudio"
exec "$root/usr/lib/chromium/chromium" "$@"`,
      );
      for (const unused of ["doc", "locale", "man", "perl"])
        rmSync(join(draft, "root/usr/share", unused), { recursive: true });
      const text = execFileSync(join(draft, "bin/chromium"), ["--version"], { encoding: "utf8" });
      return /Chromium (\d[\d.]*)/.exec(text)?.[1] ?? "of an unknown version";
    },
  },
  {
    name: "wrk",
    folder: "wrk",
    packages: ["wrk"],
    suites: NEW_SUITES,
    consequence: "npm run bench needs a wrk in PATH",
    finish: draft => {
      writeLoaderWrapper(draft, "usr/bin/wrk");
      return "unpacked";
    },
  },
  {
    name: "libfaketime",
    folder: "libfaketime",
    packages: ["libfaketime"],
    // It is loaded into programs of this machine's libc, and must not ask for a newer one.
    suites: [...readOwnSuite(), "bookworm"],
    consequence: "the tests with a clock that is stepped are skipped",
    finish: draft => {
      const file = "libfaketime.so.1";
      copyFileSync(join(draft, "root/usr/lib/x86_64-linux-gnu/faketime", file), join(draft, file));
      rmSync(join(draft, "root"), { recursive: true });
      execFileSync("date", { env: { LD_PRELOAD: join(draft, file), FAKETIME: "+1h" }, stdio: "pipe" });
      return file;
    },
  },
];

/** What only tests use, in `.cache`: `haproxy/bin/haproxy`, `chromium/bin/chromium`, and `libfaketime/libfaketime.so.1`
 * to preload. */
export const testTools = tools.map(tool => ({
  name: tool.name,
  /** @param {Context} context */
  prepare: context => prepareTool(context, tool),
}));

/**
 * @param {Context} context
 * @param {Tool} tool
 * @returns {Promise<Outcome>}
 * @throws {MissingComponent} naming every way that was tried
 */
async function prepareTool(context, tool) {
  const home = join(context.cache, tool.folder);
  const manifest = join(home, "manifest.json");
  if (existsSync(manifest)) return { what: JSON.parse(readFileSync(manifest, "utf8")).what, found: true };

  const { name, folder, consequence, packages, suites, finish } = tool;
  const listWays = (/** @type {string} */ logFile) =>
    listDebianWays(context, packages, suites, logFile, (draft, source, files) => {
      const what = `${finish(draft)} (${source})`;
      writeFileSync(join(draft, "manifest.json"), `${JSON.stringify({ what, files }, null, 2)}\n`);
      return what;
    });
  return { what: await buildFirst(context, { folder, name, consequence, listWays }), found: false };
}

/** @returns {string[]} this machine's own release, such as "bookworm"; none where it does not say */
function readOwnSuite() {
  const file = "/etc/os-release";
  const name = existsSync(file) ? /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync(file, "utf8"))?.[1] : undefined;
  return name === undefined ? [] : [name];
}
