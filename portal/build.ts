import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { withLock } from "../setup/lock.mjs";
import { compressStatic } from "./static-files.ts";

const HOME = import.meta.dirname;
const STAMP = join(HOME, ".next", "linkgate-sources");
const LOCK = join(HOME, "..", ".cache", "portal-build.lock");
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
 * it, and finds it built.
 *
 * @returns false when it was there already
 * @throws Error with what Next.js says against it
 */
export async function buildPortal(): Promise<boolean> {
  if (isBuilt()) return false;
  return withLock(LOCK, () => undefined, build);
}

function isBuilt(): boolean {
  return existsSync(STAMP) && readFileSync(STAMP, "utf8") === hashSources();
}

/** Builds, as the one process that does. */
async function build(lockFd: number): Promise<boolean> {
  if (isBuilt()) return false;
  const sources = hashSources();
  const next = createRequire(import.meta.url).resolve("next/dist/bin/next");
  const env: NodeJS.ProcessEnv = { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" };
  // A Next.js that outlives this process keeps the lock.
  const child = spawn(process.execPath, [next, "build"], { cwd: HOME, env, stdio: ["ignore", "pipe", "pipe", lockFd] });
  const said = [child.stdout, child.stderr].map(pipe => text(pipe as Readable));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`the portal can't be built:\n${(await Promise.all(said)).join("")}`);
  compressStatic(join(HOME, ".next"));
  writeFileSync(STAMP, sources);
  return true;
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

if (import.meta.main) process.stdout.write((await buildPortal()) ? "built\n" : "there already\n");
