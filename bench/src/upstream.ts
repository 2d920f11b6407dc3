import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePorts } from "@linkgate/njs/testing";
import { CORES, commandOnSecondCore } from "./cores.ts";
import { readChildren } from "./processes.ts";
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
    async stop() {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

/** `grpc.Check` answered "allowed": an empty status (google.rpc.Status of code 0) in a message of two bytes, after gRPC's five. */
const ALLOWED = Buffer.from("00000000020a00", "hex");

/** Serves `ext_authz` over gRPC in a process of its own: prints its port, then answers every call "allowed" until it is killed. */
async function serveAuthorizer(): Promise<void> {
  const server = createServer();
  server.on("stream", stream => {
    stream.resume();
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.on("end", () => {
      if (stream.destroyed) return; // it took too long
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.end(ALLOWED);
    });
    stream.on("error", () => {});
  });
  server.on("sessionError", () => {});
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
}

/** Starts {@link serveAuthorizer} on the second core. */
export async function startGrpcAuthorizer(): Promise<Omit<Service, "socket">> {
  // Never before everything else: Node's threads wait for each other by spinning, for ever if they share a core at that priority.
  const child = spawn("taskset", ["-c", CORES.others, process.execPath, fileURLToPath(import.meta.url)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return {
    port: Number(line),
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

if (import.meta.main) await serveAuthorizer();
