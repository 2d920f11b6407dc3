import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createContext } from "../component.mjs";
import { makeFolder } from "./support.ts";

it("replaces a folder as a whole and leaves no draft", () => {
  const context = createContext(makeFolder(), 0);
  const home = join(context.cache, "nginx");
  for (const text of ["first", "second"]) {
    const draft = context.draftFolder("nginx");
    writeFileSync(join(draft, `${text}.txt`), text);
    context.replaceFolder(draft, home);
    expect(readdirSync(home)).toEqual([`${text}.txt`]);
    expect(readFileSync(join(home, `${text}.txt`), "utf8")).toBe(text);
    expect(statSync(home).mode & 0o777).toBe(0o755);
  }
  expect(readdirSync(join(context.cache, "tmp"))).toEqual([]);
});

it("clears away what an interrupted setup has left, and nothing else", () => {
  const root = makeFolder();
  mkdirSync(join(root, ".cache", "nginx"), { recursive: true });
  createContext(root, 0).draftFolder("nginx");
  createContext(root, 0);
  expect(existsSync(join(root, ".cache", "tmp"))).toBe(false);
  expect(existsSync(join(root, ".cache", "nginx"))).toBe(true);
});
