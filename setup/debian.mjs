import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { run } from "./run.mjs";

/**
 * A Debian archive that this machine already uses.
 *
 * @typedef {object} DebianArchive
 * @property {string} uri as written in the machine's sources
 * @property {string | null} keyring absolute path of the keyring named by `signed-by`, if it names one
 */

/**
 * A package file that apt has checked against the archive's signature.
 *
 * @typedef {object} DebianFile
 * @property {string} name
 * @property {string} sha256 lower-case hex
 */

/** Testing and unstable: the stable releases have no NGINX or HAProxy that is new enough. */
export const NEW_SUITES = ["forky", "sid"];
/** Below the root that packages are unpacked into. */
const LIBRARIES = "usr/lib/x86_64-linux-gnu";
const KEYRINGS = ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];

/**
 * Reads the archives from apt's sources, `sources.list` and `sources.list.d`, so that the project names no host of its own.
 *
 * @param {string} [aptDir] apt's configuration folder
 * @returns {DebianArchive[]} each once; those signed with Debian's own keyring first
 */
export function readDebianArchives(aptDir = "/etc/apt") {
  const parts = join(aptDir, "sources.list.d");
  const files = [join(aptDir, "sources.list")];
  if (existsSync(parts))
    files.push(
      ...readdirSync(parts)
        .sort()
        .map(name => join(parts, name)),
    );
  const archives = files.flatMap(file => {
    if (!existsSync(file)) return [];
    if (file.endsWith(".list")) return parseOneLineSources(readFileSync(file, "utf8"));
    if (file.endsWith(".sources")) return parseDeb822Sources(readFileSync(file, "utf8"));
    return [];
  });
  const once = [...new Map(archives.map(archive => [archive.uri, archive])).values()];
  return once.sort((a, b) => rankOf(a) - rankOf(b));
}

/**
 * Parses sources in the one-line style: `deb [arch=amd64 signed-by=/k.gpg] uri suite main contrib # comment`.
 *
 * @param {string} text
 * @returns {DebianArchive[]}
 */
export function parseOneLineSources(text) {
  /** @type {DebianArchive[]} */
  const archives = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line);
    if (match === null) continue;
    const [, options = "", uri = "", suite = "", components = ""] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1] ?? "";
    if (isDebianRelease([uri], [suite], wordsOf(components))) archives.push({ uri, keyring: keyringOf(signedBy) });
  }
  return archives;
}

/**
 * Parses sources in deb822 style: stanzas of `Field: value` with continuation lines, comments and `Enabled: no`.
 *
 * @param {string} text
 * @returns {DebianArchive[]}
 */
export function parseDeb822Sources(text) {
  /** @type {DebianArchive[]} */
  const archives = [];
  const lines = text.split("\n").filter(line => !line.startsWith("#"));
  for (const stanza of lines.join("\n").split(/\n\s*\n/)) {
    const fields = new Map();
    for (const [, name = "", value = ""] of stanza.matchAll(/^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)/gm)) {
      fields.set(name.toLowerCase(), value.trim());
    }
    /** @param {string} name */
    const listOf = name => wordsOf(fields.get(name) ?? "");
    if (!listOf("types").includes("deb") || /^(no|false|off|0)$/i.test(fields.get("enabled") ?? "")) continue;
    if (!isDebianRelease(listOf("uris"), listOf("suites"), listOf("components"))) continue;
    for (const uri of listOf("uris")) archives.push({ uri, keyring: keyringOf(fields.get("signed-by") ?? "") });
  }
  return archives;
}

/**
 * One way to get a component.
 *
 * @template T
 * @typedef {object} Way
 * @property {string} way for people
 * @property {(draft: string) => Promise<T>} build
 */

/**
 * Lists the ways to get packages from Debian, each unpacked to `root` below the draft. Where the machine's apt knows no Debian
 * archive, one way that says so.
 *
 * @template T
 * @param {import("./component.mjs").Context} context
 * @param {string[]} packages
 * @param {string[]} suites in the order in which they are tried
 * @param {string} logFile
 * @param {(draft: string, source: string, files: DebianFile[]) => T} finish makes the draft fit to use
 * @returns {Way<T>[]}
 */
export function listDebianWays(context, packages, suites, logFile, finish) {
  const archives = readDebianArchives();
  if (archives.length === 0) {
    return [
      { way: "Debian", build: () => Promise.reject(new Error("no Debian archive in this machine's apt sources")) },
    ];
  }
  const options = { logFile, lockFd: context.lockFd };
  return suites.flatMap(suite =>
    archives.map(archive => ({
      way: `Debian ${suite} from ${withoutPassword(archive.uri)}`,
      build: async draft => {
        const files = await unpackFromDebian(
          archive,
          suite,
          packages,
          join(draft, "root"),
          join(draft, "apt"),
          options,
        );
        return finish(draft, `Debian ${suite}`, files);
      },
    })),
  );
}

/**
 * Writes `bin/<name>`, which runs an unpacked program. It wants the libc it came with, hence runs through that libc's own loader.
 *
 * @param {string} draft
 * @param {string} program path below `root`
 */
export function writeLoaderWrapper(draft, program) {
  const name = basename(program);
  writeWrapper(
    draft,
    name,
    `root=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")/root
exec "$root/${LIBRARIES}/ld-linux-x86-64.so.2" --library-path "$root/${LIBRARIES}" --argv0 ${name} "$root/${program}" "$@"`,
  );
}

/**
 * @param {string} draft
 * @param {string} name
 * @param {string} script of `/bin/sh`
 */
export function writeWrapper(draft, name, script) {
  mkdirSync(join(draft, "bin"), { recursive: true });
  writeFileSync(join(draft, "bin", name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(draft, "bin", name), 0o755);
}

/** @param {string} uri */
function withoutPassword(uri) {
  return uri.replace(/\/\/[^/@]*@/, "//");
}

/**
 * Downloads packages with everything they depend on, libc too, and unpacks them under `root`, leaving the machine's own apt
 * and packages alone. Needs no privilege: apt gets a state of its own, in which nothing is installed.
 *
 * @param {DebianArchive} archive
 * @param {string} suite such as "forky"
 * @param {string[]} packages
 * @param {string} root folder to unpack into; must not exist
 * @param {string} work folder for apt's state; removed at the end
 * @param {import("./run.mjs").RunOptions} options
 * @returns {Promise<DebianFile[]>} what was unpacked
 * @throws {import("./run.mjs").CommandError} with apt's own last lines
 */
export async function unpackFromDebian(archive, suite, packages, root, work, options) {
  const config = writeAptFiles(archive, suite, work);
  const runOptions = { ...options, env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" } };
  /** @param {string[]} args */
  const apt = args => run("apt-get", ["--config-file", config, ...args], runOptions);
  try {
    await apt(["update"]);
    await apt(["--yes", "--download-only", "install", ...packages]);
    mkdirSync(root, { recursive: true });
    const archives = join(work, "cache", "archives");
    const names = readdirSync(archives).filter(name => name.endsWith(".deb"));
    for (const name of names) await run("dpkg-deb", ["--extract", join(archives, name), root], runOptions);
    return names.sort().map(name => ({ name, sha256: sha256Of(join(archives, name)) }));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Writes a configuration that is read after the machine's own (whose proxies and credentials stay in force) and that
 * points apt at a private state.
 *
 * @param {DebianArchive} archive
 * @param {string} suite
 * @param {string} work
 * @returns {string} path of the configuration
 */
function writeAptFiles(archive, suite, work) {
  for (const dir of ["state/lists/partial", "cache/archives/partial", "etc", "log"]) {
    mkdirSync(join(work, dir), { recursive: true });
  }
  // An empty status file: nothing counts as installed, so apt brings every library.
  writeFileSync(join(work, "state/status"), "");
  const keyring = [archive.keyring, ...KEYRINGS].find(path => path !== null && existsSync(path));
  // Copies of testing and unstable can be older than their Valid-Until; the signature is still checked.
  const sourceOptions = ["arch=amd64", "check-valid-until=no", ...(keyring ? [`signed-by=${keyring}`] : [])];
  writeFileSync(join(work, "etc/sources.list"), `deb [${sourceOptions.join(" ")}] ${archive.uri} ${suite} main\n`);
  const config = join(work, "apt.conf");
  const lines = [
    // The machine's hooks would act on the machine's own caches.
    "#clear APT::Update::Pre-Invoke;",
    "#clear APT::Update::Post-Invoke;",
    "#clear APT::Update::Post-Invoke-Success;",
    "#clear DPkg::Post-Invoke;",
    `Dir::State "${join(work, "state")}/";`,
    `Dir::State::lists "${join(work, "state/lists")}/";`,
    `Dir::State::status "${join(work, "state/status")}";`,
    `Dir::Cache "${join(work, "cache")}/";`,
    `Dir::Cache::archives "${join(work, "cache/archives")}/";`,
    'Dir::Cache::pkgcache "";',
    'Dir::Cache::srcpkgcache "";',
    `Dir::Log "${join(work, "log")}/";`,
    `Dir::Etc::sourcelist "${join(work, "etc/sources.list")}";`,
    'Dir::Etc::sourceparts "/dev/null";',
    'Dir::Etc::preferences "/dev/null";',
    'Dir::Etc::preferencesparts "/dev/null";',
    'APT::Default-Release "";',
    'APT::Update::Error-Mode "any";',
    'APT::Install-Recommends "false";',
    'APT::Keep-Downloaded-Packages "true";',
    'Acquire::Languages "none";',
    'Acquire::Retries "3";',
  ];
  // As root, apt would drop to a user of its own, who can't enter a private folder.
  if (process.getuid?.() === 0) lines.push('APT::Sandbox::User "root";');
  writeFileSync(config, `${lines.join("\n")}\n`);
  return config;
}

/**
 * Security, updates, backports and foreign archives have no complete set of packages, or not Debian's.
 *
 * @param {string[]} uris
 * @param {string[]} suites
 * @param {string[]} components
 */
function isDebianRelease(uris, suites, components) {
  const isRelease = suites.some(suite => /^[a-z]+$/.test(suite));
  return isRelease && components.includes("main") && uris.every(uri => !uri.startsWith("cdrom:"));
}

/** @param {DebianArchive} archive */
function rankOf(archive) {
  if (archive.keyring !== null) return archive.keyring.includes("debian-archive") ? 0 : 2;
  return 1;
}

/** @param {string} signedBy one or several paths, a fingerprint, or a whole key */
function keyringOf(signedBy) {
  const [first = ""] = signedBy.split(/[\s,]+/);
  return first.startsWith("/") ? first : null;
}

/** @param {string} text */
function wordsOf(text) {
  return text.split(/\s+/).filter(word => word !== "");
}

/** @param {string} file */
function sha256Of(file) {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
