import { expect, it } from "vitest";
import { environmentFor } from "../npm.mjs";

it("puts the chosen Node first and forgets the npm that started the setup", () => {
  const env = environmentFor("/cache/node/bin/node", {
    PATH: "/repo/node_modules/.bin:/usr/bin",
    HOME: "/home/someone",
    NODE: "/usr/bin/node",
    NODE_ENV: "production",
    INIT_CWD: "/elsewhere",
    npm_execpath: "/usr/lib/node_modules/npm/bin/npm-cli.js",
    npm_node_execpath: "/usr/bin/node",
    npm_command: "start",
    npm_lifecycle_event: "start",
    npm_package_json: "/repo/package.json",
    npm_config_user_agent: "npm/10 node/v20",
    npm_config_local_prefix: "/repo",
    npm_config_workspace: "core",
    npm_config_omit: "dev",
    npm_config_registry: "https://registry.example/",
    npm_config_cache: "/home/someone/.npm",
  });
  expect(env).toEqual({
    PATH: "/cache/node/bin:/repo/node_modules/.bin:/usr/bin",
    HOME: "/home/someone",
    npm_config_registry: "https://registry.example/",
    npm_config_cache: "/home/someone/.npm",
  });
});
