import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePorts } from "@linkgate/njs/testing";
import { moveToFirstCore } from "./cores.ts";
import { linksOf, nameAccount } from "./feed.ts";
import type { RunningGate, World } from "./gate.ts";
import { endChild } from "./processes.ts";
import { waitUntil } from "./wait.ts";

const HAPROXY = fileURLToPath(new URL("../../.cache/haproxy/bin/haproxy", import.meta.url));

/** Why HAProxy is left out; null if it is not. */
export const whyNoHaproxy = existsSync(HAPROXY) ? null : "setup could not get HAProxy";

/** A way to run HAProxy in the gate's place: not the gate's template, but the same log, headers, upstream and one thread. */
export interface HaproxyVariant {
  readonly name: string;
  /** Lines of the frontend. */
  rules(world: World): readonly string[];
}

/** The first is what the other is compared with. */
export const HAPROXY_VARIANTS: readonly HaproxyVariant[] = [
  { name: "no check", rules: () => [] },
  {
    name: "map file",
    rules: ({ folder, accounts }) => {
      const rows = join(folder, "links.map");
      // The key is the account, and what stands in the third to sixth byte of a source in fd40::/10.
      const lines = Array.from({ length: accounts }, (_, n) => linksOf(n).map(link => `${keyOf(n, link)} ${link}\n`));
      writeFileSync(rows, lines.flat().join(""));
      return [
        "acl is_link src fd40::/10",
        "acl is_private hdr_end(host),lower -m end .privatelink.azurehealthcareapis.com",
        "http-request set-var-fmt(txn.key) %[hdr(host),field(1,.),lower]/%[src,bytes(2,4),hex]",
        `http-request set-var(txn.link) var(txn.key),map_str(${rows})`,
        "http-request deny deny_status 403 unless is_link is_private { var(txn.link) -m found }",
        "http-request del-header x-private-link- -m beg",
        "http-request set-header x-private-link-id %[var(txn.link)]",
      ];
    },
  },
];

function keyOf(n: number, link: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(link);
  return `${nameAccount(n)}/${bytes.toString("hex").toUpperCase()}`;
}

const LOG =
  `{"time":"%Ts","verdict":"allow","host":"%[capture.req.hdr(0)]","method":"%HM","request_uri":"%HU","status":%ST,` +
  `"remote_addr":"%ci","bytes":%B}`;

/** Starts a variant on the first core. */
export async function startHaproxy(
  variant: HaproxyVariant,
  world: World,
): Promise<Omit<RunningGate, "loadMs" | "loadCpuMs">> {
  const { folder } = world;
  mkdirSync(folder, { recursive: true });
  const [port = 0] = await findFreePorts(1);
  const lines = [
    ...["global", "  nbthread 1", "  maxconn 4096", "  log stdout format raw local0 info"],
    ...["defaults", "  mode http", "  log global", `  log-format '${LOG}'`],
    ...["client", "server", "connect"].map(which => `  timeout ${which} 60s`),
    ...["frontend gate", `  bind [::]:${port} v4v6`, "  declare capture request len 253"],
    "  http-request capture req.hdr(host) id 0",
    ...variant.rules(world).map(rule => `  ${rule}`),
    ...["x-forwarded-for", "x-real-ip"].map(name => `  http-request set-header ${name} %[src]`),
    "  http-request set-header x-forwarded-host %[hdr(host)]",
    "  http-request set-header x-forwarded-proto http",
    ...["  default_backend service", "backend service", `  server one unix@${world.service.socket}`],
  ];
  writeFileSync(join(folder, "haproxy.cfg"), `${lines.join("\n")}\n`);
  const log = openSync(join(folder, "access.log"), "a");
  const child = spawn(HAPROXY, ["-db", "-f", join(folder, "haproxy.cfg")], { stdio: ["ignore", log, "inherit"] });
  const ended = once(child, "exit").then(() => Promise.reject(new Error(`HAProxy, ${variant.name}, did not start`)));
  const isUp = async () => (await fetch(`http://[::1]:${port}/`).catch(() => null)) !== null;
  await Promise.race([waitUntil(isUp), ended]);
  ended.catch(() => {}); // from here on it ends when it is stopped
  const pid = child.pid ?? 0;
  moveToFirstCore(pid);
  return {
    proxy: "HAProxy",
    name: variant.name,
    port,
    pids: [pid],
    worker: pid,
    others: [],
    stop: () => endChild(child, "SIGKILL"),
  };
}
