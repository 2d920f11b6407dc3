import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { smokeNginx } from "../nginx-smoke.mjs";
import type { CommandError } from "../run.mjs";
import { makeFolder } from "./support.ts";

const cached = join(import.meta.dirname, "../../.cache/nginx");
const fake = join(import.meta.dirname, "fake-nginx.mjs");

afterEach(() => {
  vi.unstubAllEnvs();
});

it("accepts the NGINX that the gate runs in, and tells its njs", async () => {
  const { njs } = await smokeNginx(join(cached, "bin/nginx"), join(cached, "modules"));
  expect(njs).toMatch(/^\d+\.\d+\.\d+$/);
});

it.each([
  ["lets a request through when the handler fails", { "/allow": 200, "/deny": 403, "/reject": 200 }, "njs fails open"],
  ["does not deny", { "/allow": 200, "/deny": 200, "/reject": 500 }, "a denied request was answered 200"],
  ["does not admit", { "/allow": 500, "/deny": 403, "/reject": 500 }, "an admitted request was answered 500"],
])("refuses one that %s", async (_, statuses, message) => {
  vi.stubEnv("FAKE_NGINX", JSON.stringify(statuses));
  await expect(smokeNginx(fake, "/nowhere")).rejects.toThrow(message);
});

it("refuses one without njs, with NGINX's own words", async () => {
  const error = (await smokeNginx(join(cached, "bin/nginx"), "/nowhere").catch(e => e)) as CommandError;
  expect(error.message).toBe("NGINX ended with 1");
  expect(error.output).toContain("/nowhere/ngx_http_js_module.so");
});

it("refuses one that can't be started", async () => {
  const command = join(makeFolder(), "nginx");
  await expect(smokeNginx(command, "/nowhere")).rejects.toThrow("ENOENT");
  writeFileSync(command, "#!/bin/sh\nexit 7\n");
  chmodSync(command, 0o755);
  await expect(smokeNginx(command, "/nowhere")).rejects.toThrow("NGINX ended with 7");
});
