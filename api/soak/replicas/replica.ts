import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Certificate } from "../../test/support/certificates.ts";

/** The application id by which NRP is known. */
export const NRP = "6d057c82-a784-47ae-8d12-ca7b38cf06b4";

const SCRIPT = join(import.meta.dirname, "../../src/server.ts");

/** Where a replica listens. */
export interface Ports {
  readonly arm: number;
  readonly feed: number;
}

/** One process of the api, from its script, as a container would start it. */
export class Replica {
  readonly ports: Ports;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;

  private constructor(child: ChildProcess, ended: Promise<string>, ports: Ports) {
    this.#child = child;
    this.#ended = ended;
    this.ports = ports;
  }

  /**
   * Resolves when it says that it is ready.
   *
   * @param onLog gets each line of its log
   */
  static async start(env: NodeJS.ProcessEnv, onLog: (line: string) => void): Promise<Replica> {
    const child = spawn(process.execPath, [SCRIPT], { env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    createInterface(child.stderr).on("line", line => {
      said = line;
      onLog(line);
    });
    const ended = once(child, "exit").then(([code, signal]) => String(signal ?? code));
    const ready = once(createInterface(child.stdout), "line").then(([line]) => JSON.parse(line));
    const urls = await Promise.race([
      ready,
      ended.then(how => Promise.reject(new Error(`a replica ended with ${how} before it was ready: ${said}`))),
    ]);
    const portOf = (url: string): number => Number(new URL(url).port);
    return new Replica(child, ended, { arm: portOf(urls.armUrl), feed: portOf(urls.feedUrl) });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Sends a signal and waits for the end. Returns the exit code, or the signal that it died of. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<string> {
    this.#child.kill(signal);
    return await this.#ended;
  }
}

export interface EnvironmentOptions {
  /** Where its files are written. */
  readonly folder: string;
  readonly databaseUrl: string;
  readonly server: Certificate;
  /** What ARM shows. */
  readonly arm: Certificate;
  /** Tokens of gates. */
  readonly gates: Readonly<Record<string, string>>;
}

/** An environment in which the api's script runs: ports picked free, waits as short as they can be. */
export async function makeEnvironment(options: EnvironmentOptions): Promise<NodeJS.ProcessEnv> {
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(options.folder, name), text);
    return join(options.folder, name);
  };
  const certificate = await write("server.pem", options.server.cert);
  const hashes = Object.entries(options.gates).map(([gate, token]) => [
    gate,
    [createHash("sha256").update(token).digest("hex")],
  ]);
  return {
    PATH: process.env.PATH,
    NODE_EXTRA_CA_CERTS: certificate,
    DATABASE_URL: options.databaseUrl,
    LINKGATE_ARM_LISTEN: "127.0.0.1:0",
    LINKGATE_FEED_LISTEN: "127.0.0.1:0",
    LINKGATE_ADMIN_LISTEN: "127.0.0.1:0",
    LINKGATE_TLS_CERT_FILE: certificate,
    LINKGATE_TLS_KEY_FILE: await write("server.key", options.server.key),
    LINKGATE_ARM_CLIENT_CERTS_FILE: await write("arm.pem", options.arm.cert),
    LINKGATE_NRP_APP_IDS: NRP,
    LINKGATE_ZONES: "azurehealthcareapis.com/privatelink.azurehealthcareapis.com",
    LINKGATE_GATE_TOKENS_FILE: await write("tokens.json", JSON.stringify(Object.fromEntries(hashes))),
    LINKGATE_ADMIN_ISSUER: "https://localhost/issuer",
    LINKGATE_ADMIN_AUDIENCE: "api",
    LINKGATE_ENTRA_TENANT_ID: "00000000-0000-4000-8000-00000000000a",
    LINKGATE_ADMIN_JWKS_URL: "https://localhost/keys",
    LINKGATE_LINK_QUARANTINE: "0.1",
    LINKGATE_AGE_MARGIN: "1",
    LINKGATE_RETRY_AFTER: "1",
  };
}
