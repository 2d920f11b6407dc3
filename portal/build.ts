import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { compressStatic } from "./static-files.ts";

const HOME = import.meta.dirname;
const STAMP = join(HOME, ".next", "linkgate-sources");
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
 * Builds the portal for production, unless the build there is of these very sources.
 * @returns false when it was there already
 * @throws Error with what Next.js says against it
 */
export async function buildPortal(): Promise<boolean> {
  const sources = hashSources();
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === sources) return false;
  const next = createRequire(import.meta.url).resolve("next/dist/bin/next");
  const env: NodeJS.ProcessEnv = { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" };
  try {
    await promisify(execFile)(process.execPath, [next, "build"], { cwd: HOME, env });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`the portal can't be built:\n${stdout}${stderr}`);
  }
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
