import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { compressStatic } from "./static-files.ts";

const HOME = import.meta.dirname;
const STAMP = join(HOME, ".next", "linkgate-sources");
const LOCK = join(HOME, "..", ".cache", "portal-build.lock");
/** Argument that says that this process holds the lock. */
const LOCKED = "--locked";
/** What the build is made of, beside `src`. */
const INPUTS = [
  "package.json",
  "next.config.ts",
  "static-files.ts",
  "tsconfig.json",
  "tsconfig.next.json",
  "../package-lock.json",
];

/**
 * Builds the portal for production, unless the build there is of these very sources. One process at a time: another waits for
 * it (flock(1), whose locks end with their owners), and finds it built.
 *
 * @returns false when it was there already
 * @throws Error with what Next.js says against it
 */
export async function buildPortal(): Promise<boolean> {
  if (isBuilt()) return false;
  mkdirSync(dirname(LOCK), { recursive: true });
  try {
    await promisify(execFile)("flock", [LOCK, process.execPath, import.meta.filename, LOCKED]);
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`the portal can't be built:\n${stdout}${stderr}`);
  }
  return true;
}

function isBuilt(): boolean {
  return existsSync(STAMP) && readFileSync(STAMP, "utf8") === hashSources();
}

/** Builds, as the one process that does. Ends as Next.js ends. */
async function build(): Promise<void> {
  const sources = hashSources();
  const next = createRequire(import.meta.url).resolve("next/dist/bin/next");
  const env: NodeJS.ProcessEnv = { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" };
  const child = spawn(process.execPath, [next, "build"], { cwd: HOME, env, stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) process.exit(code ?? 1);
  compressStatic(join(HOME, ".next"));
  writeFileSync(STAMP, sources);
}

function hashSources(): string {
  const hash = createHash("sha256");
  const files = readdirSync(join(HOME, "src"), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
  for (const file of [...files.sort(), ...INPUTS.map(name => join(HOME, name))]) {
    hash.update(`${relative(HOME, file)}\0`).update(readFileSync(file));
  }
  return hash.digest("hex");
}

if (import.meta.main) {
  if (!process.argv.includes(LOCKED)) process.stdout.write((await buildPortal()) ? "built\n" : "there already\n");
  else if (!isBuilt()) await build();
}
