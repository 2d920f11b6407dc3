import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSettings, Supervisor } from "@linkgate/njs/supervisor";
import { readChildren, readCpuSeconds } from "./processes.ts";
import type { Variant } from "./variants.ts";

const TEMPLATE = fileURLToPath(new URL("../../deploy/nginx/nginx.conf.template", import.meta.url));
const NGINX = fileURLToPath(new URL("../../.cache/nginx", import.meta.url));

/** An NGINX of one worker that runs a variant of the gate's configuration. */
export interface RunningGate {
  name: string;
  /** Port of the listener that takes PROXY protocol. */
  port: number;
  /** CPU seconds that its worker has used. */
  readCpu(): number;
  stop(): Promise<void>;
}

/** Starts a variant and waits until its table is whole. */
export async function startGate(
  folder: string,
  variant: Variant,
  feedUrl: string,
  upstream: string,
): Promise<RunningGate> {
  mkdirSync(folder, { recursive: true });
  const template = join(folder, "nginx.conf.template");
  // A connection serves the whole run, in every variant alike.
  const lasting = readFileSync(TEMPLATE, "utf8").replace(
    "  keepalive_time ",
    "  keepalive_requests 100000000;\n  keepalive_time ",
  );
  writeFileSync(template, variant.change(lasting));
  writeFileSync(join(folder, "token"), "bench");
  const [direct, port, status] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const supervisor = new Supervisor(
    readSettings({
      LINKGATE_FEED_URL: feedUrl,
      LINKGATE_GATE_NAME: "bench",
      LINKGATE_FEED_TOKEN_FILE: join(folder, "token"),
      LINKGATE_UPSTREAM: upstream,
      LINKGATE_DIRECT_LISTEN: `[::1]:${direct}`,
      LINKGATE_PROXY_LISTEN: `[::1]:${port}`,
      LINKGATE_STATUS_LISTEN: `127.0.0.1:${status}`,
      LINKGATE_LOAD_BALANCERS: "::1",
      LINKGATE_LINK_QUARANTINE: "3600",
      LINKGATE_WORKERS: "1",
      LINKGATE_RUN_DIR: folder,
      LINKGATE_TEMPLATE: template,
      LINKGATE_NGINX_COMMAND: join(NGINX, "bin/nginx"),
      LINKGATE_NGINX_MODULES: join(NGINX, "modules"),
      ...(process.getuid?.() === 0 ? { LINKGATE_USER: "root" } : {}),
    }),
    (level, text, details) => level !== "info" && console.error(`${variant.name}: ${text}`, details),
  );
  await supervisor.start();
  await waitUntilReady(status);
  const worker = readChildren(supervisor.masterPid)[0];
  if (worker === undefined) throw new Error(`${variant.name} has no worker`);
  return { name: variant.name, port, readCpu: () => readCpuSeconds(worker), stop: () => supervisor.stop() };
}

async function waitUntilReady(port: number): Promise<void> {
  const end = Date.now() + 60_000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/ready`);
    if (answer.ok) return;
    if (Date.now() > end) throw new Error(`the table was not whole within 60 s: ${await answer.text()}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
