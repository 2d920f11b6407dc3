/** The folders with tests. Each is a Vitest project of that name, unless its `vitest.config.ts` gives it another. */
export const projects = [
  "core",
  "njs",
  "envoy-filter",
  "api",
  "portal",
  "sandbox",
  "deploy",
  "e2e",
  "setup",
  "docs/protocol",
];
