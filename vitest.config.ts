import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { projects } from "./setup/projects.mjs";

/**
 * Every folder with tests is a project of its own, so that its tests run alone: `npx vitest run --project api`. One that
 * needs more than this has a `vitest.config.ts`.
 */
export default defineConfig({
  test: {
    // Longer than tests wait for one thing (njs/test/support/until.ts), so that the wait says what did not come.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
    // Most tests wait for processes of their own; one worker would leave a small machine idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: projects.map(name =>
      existsSync(`${import.meta.dirname}/${name}/vitest.config.ts`)
        ? name
        : {
            extends: true,
            test: { name, root: name, include: ["**/*.test.ts"], exclude: ["**/node_modules/**", "**/dist/**"] },
          },
    ),
  },
});
