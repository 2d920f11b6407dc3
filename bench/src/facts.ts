import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

/** What a figure depends on beside the code: with another machine, or a busy one, it is another figure. */
export function readFacts() {
  const cache = fileURLToPath(new URL("../../.cache", import.meta.url));
  const nginx = JSON.parse(readFileSync(`${cache}/nginx/manifest.json`, "utf8")) as { nginx: string; njs: string };
  const envoy = execFileSync(`${cache}/envoy/bin/envoy`, ["--version"], { encoding: "utf8" });
  return {
    time: new Date().toISOString(),
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    loadBefore: loadavg()[0] ?? Number.NaN,
    nginx: nginx.nginx,
    njs: nginx.njs,
    envoy: /\/(\d+\.\d+\.\d+)\//.exec(envoy)?.[1] ?? "unknown",
    node: process.versions.node,
  };
}
