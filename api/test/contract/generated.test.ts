import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GENERATED, generate } from "../../spec/generate.ts";

describe("the files generated from api/spec", () => {
  it("are what TypeSpec makes of it now; `npm run spec -w api` writes them anew", async () => {
    const made = await generate();
    const entries = await readdir(GENERATED, { recursive: true, withFileTypes: true });
    const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
    const there = await Promise.all(
      paths.map(async path => [path.slice(GENERATED.length + 1), await readFile(path, "utf8")] as const),
    );
    const stale = [...made].filter(([path, text]) => !there.some(([other, same]) => other === path && same === text));
    const left = there.filter(([path]) => !made.has(path));
    expect([...stale, ...left].map(([path]) => path)).toEqual([]);
  });
});
