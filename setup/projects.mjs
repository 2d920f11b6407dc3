/** The folders with tests. Each is a Vitest project of that name. */
export const projects = ["core", "njs", "api", "sandbox", "e2e", "setup"];
