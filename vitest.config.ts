import { defineConfig } from "vitest/config";

/** Every workspace is a project of its own, so that a folder's tests run alone: `npx vitest run --project api`. */
export default defineConfig({
  test: {
    projects: ["core", "njs", "api", "sandbox", "e2e", "setup"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
