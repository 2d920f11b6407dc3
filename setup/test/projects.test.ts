import { globSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projects } from "../projects.mjs";

const root = join(import.meta.dirname, "..", "..");
const exclude = ["**/node_modules/**", "**/dist/**", ".cache/**"];

it.each(projects)("%s has tests", project => {
  const files = globSync(`${project}/**/*.test.ts`, { cwd: root, exclude });
  expect(files.length, `files named *.test.ts in ${project}/`).toBeGreaterThan(0);
});

it("every test belongs to a project", () => {
  const files = globSync("**/*.test.{ts,mjs,js}", { cwd: root, exclude });
  expect(files.filter(file => !projects.some(project => file.startsWith(`${project}/`)))).toEqual([]);
});
