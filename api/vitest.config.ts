import { defineConfig } from "vitest/config";

/** One PostgreSQL for the whole run; every test file makes its own database on it. */
export default defineConfig({
  test: {
    name: "api",
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/postgres-setup.ts"],
    // Longer than what a test waits for on its own, so that this says what has not come.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
