import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildFilter } from "../build.ts";

/** The functions that a file of `src/` declares; asc imports them from the module that is named like the file. */
function readDeclared(module: string): string[] {
  const text = readFileSync(join(import.meta.dirname, `../src/${module}.ts`), "utf8");
  return [...text.matchAll(/^export declare function (\w+)/gm)].map(([, name]) => `${module}.${name}`);
}

test("the filter asks for just what its binding declares, and the binding declares nothing else", () => {
  const asked = WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(buildFilter())));
  const declared = ["env", "wasi_snapshot_preview1"].flatMap(readDeclared);
  expect(asked.map(({ module, name }) => `${module}.${name}`).sort()).toEqual(declared.sort());
});
