import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { omissions } from "../model/rules.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const readme = readFileSync(join(import.meta.dirname, "..", "README.md"), "utf8");
const found = readFileSync(join(import.meta.dirname, "..", "found.md"), "utf8");

/** The sections of the rules, by number. */
const rules = new Map(
  readme
    .split(/^#### /m)
    .slice(1)
    .map(section => [Number.parseInt(section, 10), section.split(/^##/m)[0] ?? ""]),
);

test("has every rule, in order", () => {
  expect([...rules.keys()]).toEqual(Array.from({ length: 28 }, (_, i) => i + 1));
});

test.each([...rules])("rule %i says where it is obeyed, what shows it, and what the model found", (number, section) => {
  expect(section).toMatch(/^- \*\*Without it:\*\* /m);
  expect(section).toMatch(/^- \*\*Obeyed:\*\* `/m);
  expect(section).toContain(" **Shown:** `");
  const own = Object.entries(omissions).filter(([, { rule }]) => rule === number);
  expect(section.includes("**Proved:**"), "proved").toBe(own.length > 0);
  for (const [name, { breaks }] of own) {
    const part = found.split(`### ${name}\n`)[1]?.split("\n### ")[0] ?? "";
    const moves = part.match(/^\d+\. /gm)?.length ?? 0;
    expect(section).toContain(`\`${name}\` ${breaks} ${moves}`);
  }
});

test("names files that are there, and tests that have the words", () => {
  const shown = [...readme.matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|json|template|md))`(?: "([^"]+)")?/g)];
  expect(shown.length).toBeGreaterThan(100);
  const isThere = (file: string): boolean =>
    existsSync(join(root, file)) || existsSync(join(import.meta.dirname, "..", file));
  expect(shown.map(([, file = ""]) => file).filter(file => !isThere(file))).toEqual([]);
  const missing = shown.filter(
    ([, file = "", words]) => words !== undefined && !readFileSync(join(root, file), "utf8").includes(words),
  );
  expect(missing.map(([text]) => text)).toEqual([]);
});
