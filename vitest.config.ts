import { defineConfig } from "vitest/config";
import { projects } from "./setup/projects.mjs";

/** Every folder with tests is a project of its own, so that its tests run alone: `npx vitest run --project api`. */
export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: projects.map(name => ({
      extends: true,
      test: { name, root: name, include: ["**/*.test.ts"], exclude: ["**/node_modules/**", "**/dist/**"] },
    })),
  },
});
