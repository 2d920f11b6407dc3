import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import next from "next";
import { readSettings } from "./src/settings.ts";
import { serveStatic } from "./static-files.ts";

// `node portal/server.ts`: serves the built portal. Speaks HTTP to the ingress in front of it, which has the certificate.

/** Milliseconds that open answers get to end. */
const GRACE = 5_000;

// Standard output has the ready line alone; Next.js would chat there.
console.log = console.error;
readSettings(process.env);
const [, host = "127.0.0.1", port = "3000"] =
  /^\[?([^\]]*)\]?:(\d+)$/.exec(process.env.LINKGATE_PORTAL_LISTEN ?? "127.0.0.1:3000") ?? [];
const app = next({ dev: false, dir: import.meta.dirname });
await app.prepare();
const handle = app.getRequestHandler();
const answerStatic = serveStatic(join(import.meta.dirname, ".next"));
const server = createServer((request, response) => {
  if (!answerStatic(request, response)) void handle(request, response);
});
server.listen(Number(port), host);
await once(server, "listening");
const { port: actual } = server.address() as AddressInfo;
process.stdout.write(
  `${JSON.stringify({ portalUrl: `http://${host.includes(":") ? `[${host}]` : host}:${actual}` })}\n`,
);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    server.close(() => process.exit(0));
    setTimeout(() => server.closeAllConnections(), GRACE).unref();
  });
}
