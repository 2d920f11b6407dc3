import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@linkgate/api";
import { ArmClient, type Certificate, makeCertificate } from "@linkgate/api/testing";
import { findFreePorts } from "@linkgate/njs/testing";
import pg from "pg";
import { ZONE } from "../gates/index.ts";
import { childrenOf, signalIfAlive, untilGone } from "../gates/processes.ts";
import { PlatformEngineer } from "./platform-engineer.ts";

const SERVER = fileURLToPath(new URL("../../api/src/server.ts", import.meta.url));
const NRP = "6d057c82-a784-47ae-8d12-ca7b38cf06b4";

export interface ControlPlaneSettings {
  /** Names that gates may have. */
  readonly gateNames: readonly string[];
  /** Seconds between barrier and end of an operation. Default 1, as much as the least that a gate can have. */
  readonly linkQuarantine?: number;
}

/** PostgreSQL and the api, each a process that can be killed and started again; what they keep is on disk alone. */
export class ControlPlane {
  readonly engineer: PlatformEngineer;
  /** ARM, which calls for NRP. */
  readonly nrp: ArmClient;
  readonly #dir: string;
  readonly #env: Record<string, string>;
  #postgres: EmbeddedPostgres;
  #api: ChildProcess | null = null;
  #feedPort = 0;
  #said = "";

  private constructor(
    dir: string,
    env: Record<string, string>,
    postgres: EmbeddedPostgres,
    server: Certificate,
    arm: Certificate,
    engineer: PlatformEngineer,
  ) {
    this.#dir = dir;
    this.#env = env;
    this.#postgres = postgres;
    this.engineer = engineer;
    this.nrp = new ArmClient("https://127.0.0.1:1", { ca: server.cert, certificate: arm, appId: NRP });
  }

  static async start(settings: ControlPlaneSettings): Promise<ControlPlane> {
    const dir = mkdtempSync(join(tmpdir(), "lg-api-"));
    const [server, arm, engineer] = await Promise.all([
      makeCertificate("api"),
      makeCertificate("arm"),
      PlatformEngineer.appear(),
    ]);
    // One that no outgoing connection has: PostgreSQL comes back to it.
    const [port = 0] = await findFreePorts(1);
    const postgres = await startEmbeddedPostgres({ dataDir: join(dir, "data"), port });
    const write = (name: string, text: string) => {
      writeFileSync(join(dir, name), text, { mode: 0o600 });
      return join(dir, name);
    };
    const tokens = settings.gateNames.map(name => [name, [createHash("sha256").update(tokenOf(name)).digest("hex")]]);
    const env = {
      DATABASE_URL: postgres.url,
      LINKGATE_ARM_LISTEN: "127.0.0.1:0",
      LINKGATE_FEED_LISTEN: "127.0.0.1:0",
      LINKGATE_ADMIN_LISTEN: "127.0.0.1:0",
      LINKGATE_TLS_CERT_FILE: write("server.pem", server.cert),
      LINKGATE_TLS_KEY_FILE: write("server.key", server.key),
      LINKGATE_ARM_CLIENT_CERTS_FILE: write("arm.pem", arm.cert),
      LINKGATE_NRP_APP_IDS: NRP,
      LINKGATE_ZONES: `${ZONE.public}/${ZONE.private}`,
      LINKGATE_GATE_TOKENS_FILE: write("tokens.json", JSON.stringify(Object.fromEntries(tokens))),
      LINKGATE_MAX_CONNECTIONS: "1000",
      LINKGATE_LINK_QUARANTINE: String(settings.linkQuarantine ?? 1),
      LINKGATE_RETRY_AFTER: "1",
      LINKGATE_AGE_MARGIN: "0",
      ...engineer.settings,
    };
    const plane = new ControlPlane(dir, env, postgres, server, arm, engineer);
    try {
      await plane.launchApi();
    } catch (error) {
      await plane.stop();
      throw error;
    }
    return plane;
  }

  /** The feed's port on 127.0.0.1; the last one while there is no api. */
  get feedPort(): number {
    return this.#feedPort;
  }

  /** What the api said, the end of it: for the message of a failed test. */
  get said(): string {
    return this.#said;
  }

  /** Starts the api and waits until it is ready. @throws Error with what it said when it ends before */
  async launchApi(): Promise<void> {
    const api = spawn(process.execPath, [SERVER], {
      env: { ...process.env, ...this.#env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#api = api;
    api.stderr.setEncoding("utf8").on("data", text => {
      this.#said = (this.#said + text).slice(-100_000);
    });
    const ended = once(api, "exit").then(() => null);
    const ready = await Promise.race([once(api.stdout.setEncoding("utf8"), "data"), ended]);
    if (ready === null) throw new Error(`the api ended: ${this.#said.slice(-5000)}`);
    const { armUrl, feedUrl, adminUrl } = JSON.parse(String(ready[0])) as Record<string, string>;
    this.nrp.moveTo(armUrl ?? "");
    this.engineer.moveTo(adminUrl ?? "");
    this.#feedPort = Number(new URL(feedUrl ?? "").port);
  }

  /** Kills the api with SIGKILL, and waits for its end. */
  async killApi(): Promise<void> {
    await endChild(this.#api, "SIGKILL");
  }

  /** Kills PostgreSQL with SIGKILL; its other processes end by themselves, since they see it. */
  async killPostgres(): Promise<void> {
    const { pid } = this.#postgres;
    signalIfAlive(pid, "SIGKILL");
    await untilGone([pid]);
  }

  /** Starts PostgreSQL again on its data and its port. */
  async launchPostgres(): Promise<void> {
    await this.#postgres.stop();
    const port = Number(new URL(this.#postgres.url).port);
    this.#postgres = await startEmbeddedPostgres({ dataDir: join(this.#dir, "data"), port });
  }

  /** Kills one of PostgreSQL's processes, whereupon it ends all of them and recovers by itself. @param choose of so many, which */
  killBackend(choose: (count: number) => number): void {
    const backends = childrenOf(this.#postgres.pid);
    signalIfAlive(backends[choose(backends.length)] ?? 0, "SIGKILL");
  }

  /** Asks the database itself. */
  async query<Row extends object>(sql: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.#postgres.url });
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    await endChild(this.#api, "SIGTERM");
    await this.nrp.close();
    await this.engineer.leave();
    await this.#postgres.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** The token of the gate of that name. */
export function tokenOf(gateName: string): string {
  return `token-of-${gateName}`;
}

async function endChild(child: ChildProcess | null, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}
