import { defineConfig } from "vitest/config";

/** Tests of components are `.tsx`, and name their document: `// @vitest-environment jsdom`. */
export default defineConfig({
  test: {
    name: "portal",
    include: ["test/**/*.test.{ts,tsx}"],
    setupFiles: ["test/support/document.ts"],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Pages are shown at a URL of the test's own; Next.js's router is not there.
    alias: { "next/navigation": `${import.meta.dirname}/test/support/navigation.ts` },
  },
});
