import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSettings, Supervisor } from "@linkgate/njs/supervisor";
import { findFreePorts } from "@linkgate/njs/testing";
import { buildGate } from "../../njs/build.ts";
import { moveToFirstCore } from "./cores.ts";
import type { StartedGate, World } from "./gate.ts";
import type { NginxVariant } from "./nginx-variants.ts";
import { readChildren } from "./processes.ts";
import { waitUntil } from "./wait.ts";

const TEMPLATE = fileURLToPath(new URL("../../deploy/nginx/nginx.conf.template", import.meta.url));
const NGINX = fileURLToPath(new URL("../../.cache/nginx", import.meta.url));

/** Starts a variant of the NGINX gate, its workers on the first core, and waits until its table is whole. */
export async function startNginx(variant: NginxVariant, world: World): Promise<StartedGate> {
  const { folder } = world;
  mkdirSync(folder, { recursive: true });
  const template = join(folder, "nginx.conf.template");
  // A connection serves the whole run, in every variant alike.
  const lasting = replaceOnce(
    readFileSync(TEMPLATE, "utf8"),
    "  keepalive_time ",
    "  keepalive_requests 100000000;\n  keepalive_time ",
  );
  writeFileSync(template, variant.change(lasting, world));
  writeFileSync(join(folder, "token"), "bench");
  await buildGate(join(folder, "gate.js"));
  const [direct = 0, proxy = 0, status] = await findFreePorts(3);
  const supervisor = new Supervisor(
    readSettings({
      LINKGATE_FEED_URL: world.feedUrl,
      LINKGATE_GATE_NAME: "bench",
      LINKGATE_FEED_TOKEN_FILE: join(folder, "token"),
      LINKGATE_UPSTREAM: `http://unix:${world.service.socket}`,
      LINKGATE_DIRECT_LISTEN: `[::]:${direct}`,
      LINKGATE_PROXY_LISTEN: `[::1]:${proxy}`,
      LINKGATE_LOAD_BALANCERS: "::1",
      LINKGATE_STATUS_LISTEN: `127.0.0.1:${status}`,
      LINKGATE_LINK_QUARANTINE: "3600",
      LINKGATE_TABLE_SIZE: `${Math.max(64, Math.ceil(world.accounts / 2500))}m`,
      LINKGATE_WORKERS: String(world.workers),
      LINKGATE_RUN_DIR: folder,
      LINKGATE_GATE_SCRIPT: join(folder, "gate.js"),
      LINKGATE_TEMPLATE: template,
      LINKGATE_NGINX_COMMAND: join(NGINX, "bin/nginx"),
      LINKGATE_NGINX_MODULES: join(NGINX, "modules"),
      ...(process.getuid?.() === 0 ? { LINKGATE_USER: "root" } : {}),
    }),
    (level, text, details) => level !== "info" && console.error(`NGINX, ${variant.name}: ${text}`, details),
  );
  await supervisor.start();
  await waitUntil(async () => (await fetch(`http://127.0.0.1:${status}/ready`)).ok);
  const workers = readChildren(supervisor.pid);
  const [worker] = workers;
  if (worker === undefined) throw new Error(`NGINX, ${variant.name}, has no worker`);
  for (const pid of workers) moveToFirstCore(pid);
  return {
    proxy: "NGINX",
    name: variant.name,
    port: direct,
    proxyPort: proxy,
    pids: [supervisor.pid, ...workers],
    worker,
    others: variant.asks === undefined ? [] : [world[variant.asks].pid],
    stop: () => supervisor.stop(),
  };
}

/** @throws Error when there is nothing to replace, with which a variant would be another one's */
export function replaceOnce(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the template has lost ${JSON.stringify(from)}`);
  return text.replace(from, () => to);
}
