import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const NGINX = fileURLToPath(new URL("../../.cache/nginx/bin/nginx", import.meta.url));

/**
 * Starts an NGINX that answers all by itself: 200 with a short body as the tenants' service on `service.sock`, 204 as the cheapest
 * imaginable authorizer on `authorizer.sock`. What runs in it costs the gates nothing but the way there.
 */
export async function startUpstream(
  folder: string,
): Promise<{ service: string; authorizer: string; stop(): Promise<void> }> {
  mkdirSync(folder, { recursive: true });
  const configuration = join(folder, "nginx.conf");
  const [service, authorizer] = [join(folder, "service.sock"), join(folder, "authorizer.sock")];
  const temps = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    name => `${name}_temp_path ${join(folder, name)};`,
  );
  writeFileSync(
    configuration,
    `daemon off; ${process.getuid?.() === 0 ? "user root;" : ""} worker_processes 1; pid ${join(folder, "nginx.pid")}; events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; ${temps.join(" ")}
  server { listen unix:${service}; location / { return 200 '{"resourceType":"Bundle"}'; } }
  server { listen unix:${authorizer}; location / { return 204; } } }`,
  );
  const child = spawn(NGINX, ["-e", join(folder, "error.log"), "-c", configuration], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const watcher = watch(folder);
  while (!existsSync(authorizer)) {
    await Promise.race([
      once(watcher, "change"),
      once(child, "exit").then(() => Promise.reject(new Error("the upstream did not start"))),
    ]);
  }
  watcher.close();
  return {
    service: `http://unix:${service}`,
    authorizer: `http://unix:${authorizer}`,
    async stop() {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}
