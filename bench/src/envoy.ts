import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePorts } from "@linkgate/njs/testing";
import { buildFilter } from "../../envoy-filter/build.ts";
import { readSettings } from "../../envoy-filter/supervisor/settings.ts";
import { Supervisor } from "../../envoy-filter/supervisor/supervisor.ts";
import { moveToFirstCore } from "./cores.ts";
import type { EnvoyVariant } from "./envoy-variants.ts";
import type { StartedGate, World } from "./gate.ts";
import { replaceOnce } from "./nginx.ts";
import { waitUntil } from "./wait.ts";

const TEMPLATES = fileURLToPath(new URL("../../deploy/envoy", import.meta.url));
const ENVOY = fileURLToPath(new URL("../../.cache/envoy/bin/envoy", import.meta.url));

/** Starts a variant of the Envoy gate, all its threads on the first core, and waits until its table is whole. */
export async function startEnvoy(variant: EnvoyVariant, world: World): Promise<StartedGate> {
  const { folder } = world;
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(TEMPLATES).filter(file => file.endsWith(".template"))) {
    writeFileSync(
      join(folder, name),
      changeTemplate(name, readFileSync(join(TEMPLATES, name), "utf8"), variant, world),
    );
  }
  writeFileSync(join(folder, "token"), "bench");
  const [direct = 0, proxy = 0, status, admin] = await findFreePorts(4);
  const supervisor = new Supervisor(
    readSettings({
      LINKGATE_FEED_URL: world.feedUrl,
      LINKGATE_GATE_NAME: "bench",
      LINKGATE_FEED_TOKEN_FILE: join(folder, "token"),
      LINKGATE_UPSTREAM: `http://127.0.0.1:${world.service.port}`,
      LINKGATE_DIRECT_LISTEN: `[::]:${direct}`,
      LINKGATE_PROXY_LISTEN: `[::1]:${proxy}`,
      LINKGATE_LOAD_BALANCERS: "::1",
      LINKGATE_STATUS_LISTEN: `127.0.0.1:${status}`,
      LINKGATE_ADMIN_LISTEN: `127.0.0.1:${admin}`,
      LINKGATE_LINK_QUARANTINE: "3600",
      LINKGATE_WORKERS: String(world.workers),
      LINKGATE_RUN_DIR: join(folder, "run"),
      LINKGATE_TEMPLATE_DIR: folder,
      LINKGATE_ENVOY_COMMAND: ENVOY,
      LINKGATE_FILTER: buildFilter(),
    }),
    (level, text, details) => level !== "info" && console.error(`Envoy, ${variant.name}: ${text}`, details),
  );
  await supervisor.start();
  await waitUntil(async () => (await fetch(`http://127.0.0.1:${status}/ready`)).ok);
  const pid = supervisor.pid;
  moveToFirstCore(pid);
  return {
    proxy: "Envoy",
    name: variant.name,
    port: direct,
    proxyPort: proxy,
    pids: [pid],
    worker: pid,
    others: variant.asks === undefined ? [] : [world[variant.asks].pid],
    stop: () => supervisor.stop(),
  };
}

/** The gate's filter stays in the listener, switched off, since the other listeners refer to what is written there. */
function changeTemplate(name: string, text: string, variant: EnvoyVariant, world: World): string {
  const filters = variant.filters(world);
  if (name === "listeners.yaml.template" && filters !== null) {
    const [own, host] = ["        - name: linkgate\n", "        - &upstream_host\n"];
    const off = replaceOnce(text, own, `${own}          disabled: true\n`);
    return replaceOnce(off, host, `${filters.map(each => `        - ${JSON.stringify(each)}\n`).join("")}${host}`);
  }
  const clusters = variant.clusters?.(world) ?? [];
  if (name !== "envoy.yaml.template" || clusters.length === 0) return text;
  return replaceOnce(
    text,
    "  clusters:\n",
    `  clusters:\n${clusters.map(each => `  - ${JSON.stringify(each)}\n`).join("")}`,
  );
}
