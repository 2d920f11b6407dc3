import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, renameSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Where the filter lies that Envoy loads. */
export const FILTER: string = join(import.meta.dirname, "dist/linkgate.wasm");

/** Builds a filter that returns at once, for benchmarks: `vm_config.code` for the floor. @returns its file */
export function buildEmptyFilter(): string {
  return buildFilter("bench/empty.ts", join(import.meta.dirname, "dist/empty.wasm"));
}

/** Builds a filter that makes the calls which no gate can do without, and nothing else. @returns its file */
export function buildCallingFilter(): string {
  return buildFilter("bench/calls.ts", join(import.meta.dirname, "dist/calls.wasm"));
}

/**
 * Compiles the filter, core included, to the one file that Envoy loads; not again unless a source is younger.
 * @param entry its entry in this folder; the product's own by default
 * @throws Error when asc has anything to say, a warning too
 */
export function buildFilter(entry = "src/filter.ts", outFile: string = FILTER): string {
  const core = join(import.meta.dirname, "../core/src");
  const sources = [
    ...globSync("{bench,src,test}/**/*.ts", { cwd: import.meta.dirname }).map(name => join(import.meta.dirname, name)),
    ...globSync("**/*.ts", { cwd: core }).map(name => join(core, name)),
    join(import.meta.dirname, "asconfig.json"),
  ];
  const youngest = Math.max(...sources.map(source => statSync(source).mtimeMs));
  if (existsSync(outFile) && statSync(outFile).mtimeMs > youngest) return outFile;

  const asc = createRequire(import.meta.url).resolve("assemblyscript/bin/asc.js");
  mkdirSync(dirname(outFile), { recursive: true });
  const own = `${outFile}.${process.pid}.wasm`; // a half-written file is no module
  const options = [asc, entry, "--config", "asconfig.json", "--target", "filter", "--outFile", own];
  const output = execFileSync(process.execPath, options, {
    cwd: import.meta.dirname,
    encoding: "utf8",
    stdio: "pipe",
  });
  if (output !== "") throw new Error(`asc has something to say:\n${output}`);
  renameSync(own, outFile);
  return outFile;
}

if (import.meta.main) buildFilter();
