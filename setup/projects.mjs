/** The folders with tests. Each is a Vitest project of that name. */
export const projects = ["core", "njs", "envoy-filter", "api", "sandbox", "deploy", "e2e", "setup"];
