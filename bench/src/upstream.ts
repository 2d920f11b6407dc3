import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePorts } from "@linkgate/njs/testing";
import { commandOnSecondCore } from "./cores.ts";
import { endChild, readChildren } from "./processes.ts";
import { waitUntil } from "./wait.ts";

const NGINX = fileURLToPath(new URL("../../.cache/nginx/bin/nginx", import.meta.url));

/** A server that the gates ask: the tenants' service, or one that says who may in. */
export interface Service {
  readonly socket: string;
  readonly port: number;
  /** The process that does the work. */
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts an NGINX of one worker, on the second core, that gives the same answer to everything: as cheap as a service can be.
 * @param answer what `return` gives: a status, and a body if need be
 */
export async function startService(folder: string, answer: string): Promise<Service> {
  mkdirSync(folder, { recursive: true });
  const socket = join(folder, "service.sock");
  const [port = 0] = await findFreePorts(1);
  const temps = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    name => `${name}_temp_path ${join(folder, name)};`,
  );
  const configuration = join(folder, "nginx.conf");
  writeFileSync(
    configuration,
    `daemon off; ${process.getuid?.() === 0 ? "user root;" : ""} worker_processes 1; pid ${join(folder, "nginx.pid")}; events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; ${temps.join(" ")}
  server { listen unix:${socket}; listen 127.0.0.1:${port}; location / { return ${answer}; } } }`,
  );
  const [file, ...args] = commandOnSecondCore(NGINX, "-e", join(folder, "error.log"), "-c", configuration);
  const child = spawn(file, args, { stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(child, "exit").then(() => Promise.reject(new Error("the service did not start")));
  const isUp = async () => (await fetch(`http://127.0.0.1:${port}/`).catch(() => null)) !== null;
  await Promise.race([waitUntil(isUp), ended]);
  ended.catch(() => {}); // from here on it ends when it is stopped
  const [pid] = readChildren(child.pid ?? 0);
  if (pid === undefined) throw new Error("the service has no worker");
  return {
    socket,
    port,
    pid,
    stop: () => endChild(child, "SIGTERM"),
  };
}
