import { defineConfig } from "vitest/config";

/** One PostgreSQL for the whole run; every test file makes its own database on it. */
export default defineConfig({
  test: {
    name: "api",
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/postgres-setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
