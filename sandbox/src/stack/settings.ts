import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Application, adminAudience, nrpAppId, tenantId } from "../authority/applications.ts";
import type { Authority } from "../authority/authority.ts";
import type { Certificates } from "../certificates.ts";
import { writePrivateFile } from "../private-files.ts";

export const repository = fileURLToPath(new URL("../../../", import.meta.url));
export const zone = { public: "azurehealthcareapis.com", private: "privatelink.azurehealthcareapis.com" };
/** The gates, by the names that their tokens belong to. */
export const gateNames = ["nginx", "envoy"] as const;
export type GateName = (typeof gateNames)[number];
/** Seconds, the same for api and gate (feed rule 28); short, for a story is told to somebody who waits. */
const linkQuarantine = "1";

/** Where everything of one stack lies. */
export interface StackPaths {
  state: string;
  private: string;
  logs: string;
  run: string;
  /** The gate's bundle, built anew for each stack, so that it is never older than its source. */
  gateScript: string;
  postgres: string;
  stackFile: string;
  accessLog: string;
  nginxErrorLog: string;
  apiLog: string;
  gateLog: string;
  envoyRun: string;
  envoyAccessLog: string;
  envoyErrorLog: string;
  envoyLog: string;
  portalLog: string;
}

export function layOut(state: string): StackPaths {
  const logs = join(state, "logs");
  return {
    state,
    private: join(state, "private"),
    logs,
    run: join(state, "sandbox", "nginx"),
    gateScript: join(state, "sandbox", "gate.js"),
    postgres: join(state, "sandbox", "postgres"),
    stackFile: join(state, "stack.json"),
    accessLog: join(logs, "access.log"),
    nginxErrorLog: join(logs, "nginx-error.log"),
    apiLog: join(logs, "api.log"),
    gateLog: join(logs, "gate.log"),
    envoyRun: join(state, "sandbox", "envoy"),
    envoyAccessLog: join(logs, "envoy-access.log"),
    envoyErrorLog: join(logs, "envoy-error.log"),
    envoyLog: join(logs, "envoy.log"),
    portalLog: join(logs, "portal.log"),
  };
}

/** Where PostgreSQL's files lie: root's server may have to keep them elsewhere, and says so in the folder. */
export async function findDatabaseHome(folder: string): Promise<string> {
  return await readFile(join(folder, "moved-to"), "utf8").catch(() => folder);
}

/** Link addresses are IPv6; a machine without it can still be reached through PROXY protocol. */
export function directHost(): string {
  const addresses = Object.values(networkInterfaces()).flat();
  return addresses.some(one => one?.address === "::1") ? "[::1]" : "127.0.0.1";
}

/** The NGINX that setup put into the repository's own `.cache`, wherever the state lies. */
export interface NginxFiles {
  command: string;
  modules: string;
}

/** @throws Error that says what to run where it is missing. */
export function findNginx(folder = join(repository, ".cache", "nginx")): NginxFiles {
  const files = { command: join(folder, "bin", "nginx"), modules: join(folder, "modules") };
  for (const file of Object.values(files)) {
    if (!existsSync(file)) throw new Error(`NGINX with njs is missing (${file}). Run npm start, which fetches it.`);
  }
  return files;
}

/** Bundles the gate into a file of this stack's own. The build script is the gate's; it is no part of what runs. */
export async function buildGate(outfile: string): Promise<void> {
  const script = pathToFileURL(join(repository, "njs", "build.ts")).href;
  const { buildGate: build } = (await import(script)) as { buildGate(outfile: string): Promise<void> };
  await build(outfile);
}

/** Ports that stay the same over restarts. */
export interface StackPorts {
  postgres: number;
  arm: number;
  feed: number;
  admin: number;
  direct: number;
  proxy: number;
  public: number;
  status: number;
  envoyDirect: number;
  envoyProxy: number;
  envoyPublic: number;
  envoyStatus: number;
  envoyAdmin: number;
}

/** Seconds; the product's defaults unless said otherwise. */
export interface StackTimes {
  maxTableAge: number;
  ageMargin: number;
}

/** A gate's token, and where the gate looks for it. */
export type GateToken = { token: string; tokenFile: string };

/** Draws a token for each gate, and writes them where the gates and the api look for them. */
export async function createGateTokens(
  paths: StackPaths,
): Promise<{ tokens: Record<GateName, GateToken>; hashesFile: string }> {
  const hashesFile = join(paths.private, "gate-tokens.json");
  const draw = async (name: GateName): Promise<GateToken> => {
    const token = randomBytes(32).toString("base64url");
    const tokenFile = join(paths.private, `gate-${name}.token`);
    await writePrivateFile(tokenFile, token);
    return { token, tokenFile };
  };
  const tokens = { nginx: await draw("nginx"), envoy: await draw("envoy") };
  const hashes = Object.entries(tokens).map(([name, { token }]) => [
    name,
    [createHash("sha256").update(token).digest("hex")],
  ]);
  await writePrivateFile(hashesFile, JSON.stringify(Object.fromEntries(hashes)));
  return { tokens, hashesFile };
}

/** The environment without anything that would configure a part of the stack from outside. */
function baseEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(LINKGATE_|AZURE_|DATABASE_URL$|PG|NODE_)/.test(entry[0]),
  );
  return Object.fromEntries(kept);
}

/** The api's settings in the sandbox; each is explained in `api/src/config.ts`. */
export function composeApiEnvironment(options: {
  databaseUrl: string;
  ports: StackPorts;
  certificates: Certificates;
  authority: Authority;
  hashesFile: string;
  times: StackTimes;
  customerWrites: boolean;
  armUrl: string;
  /** Who the api is at ARM. */
  application: Application;
  /** As whom it acts on behalf of people. */
  registration: Application;
}): Record<string, string> {
  const { certificates, authority, ports, application } = options;
  return {
    ...baseEnvironment(),
    NODE_EXTRA_CA_CERTS: certificates.caFile,
    DATABASE_URL: options.databaseUrl,
    LINKGATE_ARM_LISTEN: `127.0.0.1:${ports.arm}`,
    LINKGATE_FEED_LISTEN: `127.0.0.1:${ports.feed}`,
    LINKGATE_ADMIN_LISTEN: `127.0.0.1:${ports.admin}`,
    LINKGATE_TLS_CERT_FILE: certificates.server.certificateFile,
    LINKGATE_TLS_KEY_FILE: certificates.server.keyFile,
    LINKGATE_ARM_CLIENT_CERTS_FILE: certificates.arm.certificateFile,
    LINKGATE_NRP_APP_IDS: nrpAppId,
    LINKGATE_ZONES: `${zone.public}/${zone.private}`,
    LINKGATE_LINK_QUARANTINE: linkQuarantine,
    LINKGATE_RETRY_AFTER: "1",
    LINKGATE_AGE_MARGIN: String(options.times.ageMargin),
    LINKGATE_GATE_TOKENS_FILE: options.hashesFile,
    LINKGATE_ADMIN_ISSUER: authority.issuer,
    LINKGATE_ADMIN_AUDIENCE: adminAudience,
    LINKGATE_ADMIN_JWKS_URL: authority.jwksUrl,
    LINKGATE_ARM_URL: options.armUrl,
    LINKGATE_CUSTOMER_WRITES: String(options.customerWrites),
    LINKGATE_ENTRA_AUTHORITY_HOST: authority.url,
    LINKGATE_ENTRA_TENANT_ID: tenantId,
    LINKGATE_ENTRA_CLIENT_ID: options.registration.clientId,
    LINKGATE_ENTRA_CLIENT_SECRET: options.registration.secret,
    AZURE_AUTHORITY_HOST: authority.url,
    AZURE_TENANT_ID: tenantId,
    AZURE_CLIENT_ID: application.clientId,
    AZURE_CLIENT_SECRET: application.secret,
  };
}

/** What each gate is started with. */
export interface GateOptions {
  gate: GateName;
  paths: StackPaths;
  ports: StackPorts;
  feedUrl: string;
  tokenFile: string;
  directHost: string;
  times: StackTimes;
}

/** The settings that both gates have, but for where they write and what they forward to. */
export function composeSharedEnvironment(
  options: GateOptions,
  ports: { direct: number; proxy: number; public: number; status: number },
): Record<string, string> {
  return {
    ...baseEnvironment(),
    LINKGATE_DIRECT_LISTEN: `${options.directHost}:${ports.direct}`,
    LINKGATE_PROXY_LISTEN: `127.0.0.1:${ports.proxy}`,
    LINKGATE_PUBLIC_LISTEN: `127.0.0.1:${ports.public}`,
    LINKGATE_STATUS_LISTEN: `127.0.0.1:${ports.status}`,
    LINKGATE_LOAD_BALANCERS: "127.0.0.0/8",
    LINKGATE_LINK_TLV: "optional",
    LINKGATE_LINK_QUARANTINE: linkQuarantine,
    LINKGATE_WORKERS: "2",
    LINKGATE_DRAIN_TIMEOUT: "1",
    LINKGATE_FEED_URL: options.feedUrl,
    LINKGATE_GATE_NAME: options.gate,
    LINKGATE_FEED_TOKEN_FILE: options.tokenFile,
    LINKGATE_MAX_TABLE_AGE: String(options.times.maxTableAge),
    LINKGATE_ZONES: `${zone.public}/${zone.private}`,
  };
}

/** The NGINX gate's settings in the sandbox; each is explained in `njs/supervisor/settings.ts`. */
export function composeGateEnvironment(
  options: GateOptions & { nginx: NginxFiles; fhirFolder: string },
): Record<string, string> {
  const { nginx, paths, ports } = options;
  return {
    ...composeSharedEnvironment(options, ports),
    LINKGATE_NGINX_COMMAND: nginx.command,
    LINKGATE_NGINX_MODULES: nginx.modules,
    LINKGATE_RUN_DIR: paths.run,
    LINKGATE_GATE_SCRIPT: paths.gateScript,
    // The workers must reach what this user owns: the token, and a clone in a folder of root's that nobody else may enter.
    ...(process.getuid?.() === 0 ? { LINKGATE_USER: "root root" } : {}),
    LINKGATE_UPSTREAM: `http://unix:${options.fhirFolder}/$linkgate_account.sock`,
    LINKGATE_ACCESS_LOG: paths.accessLog,
    LINKGATE_ERROR_LOG: paths.nginxErrorLog,
  };
}
