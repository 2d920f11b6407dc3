import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type AccessLogLine, findFreePorts, readLog, waitForLog } from "@linkgate/njs/testing";
import { askStatus } from "../../njs/supervisor/status-client.ts";
import { PATIENCE_MS, until } from "../../njs/test/support/until.ts";
import {
  type GatePart,
  type GateProcesses,
  type GateSettings,
  type GateState,
  type GateUnderTest,
  type Reloadable,
  ZONE,
} from "./gate.ts";
import { isAlive, signalIfAlive, untilGone, untilStopped } from "./processes.ts";

/** The project. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A folder of a gate's own, and free ports for its listeners: what it is made of. */
export interface Place {
  readonly dir: string;
  readonly ports: Readonly<Record<"direct" | "proxy" | "public" | "status", number>>;
  /** For the listeners that one proxy alone has. */
  readonly morePorts: readonly number[];
}

/**
 * Makes the place of a gate. A proxy's workers run as another user where tests don't run as root, and a socket's path must be
 * short: it is not in the project.
 * @param prefix of the folder's name
 * @param more how many further ports
 */
export async function makePlace(settings: GateSettings, prefix: string, more = 0): Promise<Place> {
  const dir = mkdtempSync(join(tmpdir(), prefix));
  const [direct = 0, proxy = 0, publicPort = 0, status = 0, ...morePorts] = await findFreePorts(4 + more);
  writeFileSync(join(dir, "token"), `${settings.feedToken}\n`);
  return { dir, ports: { direct, proxy, public: publicPort, status }, morePorts };
}

/** The settings that every gate has, by environment variable. Listeners come by IPv6 and IPv4, the balancer's by IPv4. */
export function writeEnvironment(settings: GateSettings, { dir, ports }: Place): Record<string, string> {
  return {
    LINKGATE_RUN_DIR: join(dir, "run"),
    LINKGATE_DIRECT_LISTEN: `[::]:${ports.direct}`,
    LINKGATE_PROXY_LISTEN: `127.0.0.1:${ports.proxy}`,
    LINKGATE_PUBLIC_LISTEN: `[::]:${ports.public}`,
    LINKGATE_STATUS_LISTEN: `127.0.0.1:${ports.status}`,
    LINKGATE_FEED_TOKEN_FILE: join(dir, "token"),
    LINKGATE_FEED_URL: settings.feedUrl,
    ...(settings.feedCaFile === undefined ? {} : { LINKGATE_FEED_CA_FILE: settings.feedCaFile }),
    LINKGATE_GATE_NAME: settings.gateName ?? "test-gate",
    LINKGATE_ZONES: settings.zones ?? `${ZONE.public}/${ZONE.private}`,
    LINKGATE_LINK_TLV: settings.linkTlv ?? "off",
    LINKGATE_LOAD_BALANCERS: (settings.loadBalancers ?? ["127.0.0.1"]).join(","),
    LINKGATE_MAX_TABLE_AGE: String(settings.maxTableAge ?? 3600),
    LINKGATE_LINK_QUARANTINE: String(settings.linkQuarantine ?? 60),
    ...(settings.tls === undefined
      ? {}
      : { LINKGATE_TLS_CERT_FILE: settings.tls.certFile, LINKGATE_TLS_KEY_FILE: settings.tls.keyFile }),
    LINKGATE_WORKERS: String(settings.workers ?? 2),
    LINKGATE_DRAIN_TIMEOUT: String(settings.drainTimeout ?? 10),
  };
}

/** The status page of a gate, as far as tests ask. */
export type StatusPage = {
  incarnation: string;
  table: { state: GateState["table"]; generation: number };
  /** The NGINX gate's alone. */
  follower?: { process: string } | null;
  lastFailure: { text: string; count: number } | null;
};

/** A gate that is run by its supervisor, as in production. */
export abstract class SupervisedGate implements GateUnderTest {
  abstract readonly name: string;
  readonly dir: string;
  readonly endpoints: GateUnderTest["endpoints"];
  /** The settings of its supervisor. */
  readonly env: Readonly<Record<string, string>>;
  readonly #script: string;
  readonly #statusListen: string;
  readonly #frozen = new Set<number>();
  #supervisor: ChildProcess | null = null;
  #exit: Promise<number | null> = Promise.resolve(null);
  #stderr = "";

  /** @param script the supervisor's, from the project's folder @param env its settings, by variable */
  constructor(script: string, { dir, ports }: Place, env: Record<string, string>) {
    this.#script = join(ROOT, script);
    this.dir = dir;
    this.endpoints = { direct: { port: ports.direct }, proxy: { port: ports.proxy }, public: { port: ports.public } };
    this.env = env;
    this.#statusListen = `127.0.0.1:${ports.status}`;
  }

  abstract readProcesses(): Promise<GateProcesses>;
  abstract reload(changes?: Reloadable): Promise<void>;

  get tokenFile(): string {
    return join(this.dir, "token");
  }

  get accessLog(): string {
    return join(this.dir, "run/access.log");
  }

  async launch(): Promise<void> {
    const child = spawn(process.execPath, [this.#script], {
      env: { ...process.env, ...this.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#supervisor = child;
    child.stderr.setEncoding("utf8").on("data", text => {
      this.#stderr = (this.#stderr + text).slice(-100_000);
    });
    this.#exit = new Promise(resolve => child.once("exit", resolve));
    // A test that ends without stopping its gate leaves none behind.
    const leaveNothing = () => child.kill("SIGTERM");
    process.once("exit", leaveNothing);
    child.once("exit", () => process.off("exit", leaveNothing));
    const ready = new Promise<boolean>(resolve => child.stdout.once("data", () => resolve(true)));
    const closed = once(child, "close");
    if (await Promise.race([ready, this.#exit.then(() => false)])) return;
    await Promise.race([closed, delay(10_000, undefined, { ref: false })]); // what it said last is read after its end
    throw new Error(`the supervisor ended: ${this.explain()}`);
  }

  async readState(): Promise<GateState> {
    const { incarnation, table, lastFailure } = await this.readStatus();
    return { incarnation, table: table.state, generation: table.generation, lastFailure };
  }

  async whenState(fits: (state: GateState) => boolean, deadlineMs = PATIENCE_MS): Promise<GateState> {
    let last: unknown = "nothing";
    return until(
      async () => {
        const state = await this.readState().catch((error: unknown) => {
          last = error;
          return null;
        });
        last = state ?? last;
        return state !== null && fits(state) && state;
      },
      () => `the gate never came to that state; last: ${JSON.stringify(last)}\n${this.explain()}`,
      deadlineMs,
    );
  }

  isReady(): Promise<boolean> {
    return askStatus(this.#statusListen, "/ready", 2000).then(
      answer => answer.status === 200,
      () => false,
    );
  }

  readLog(): Promise<AccessLogLine[]> {
    return readLog(this.accessLog);
  }

  waitForLog(fits: (line: AccessLogLine) => boolean, deadlineMs?: number): Promise<AccessLogLine> {
    return waitForLog(this.accessLog, fits, deadlineMs);
  }

  explain(): string {
    const file = join(this.dir, "run/error.log");
    const errorLog = existsSync(file) ? readFileSync(file, "utf8") : "";
    return `error log:\n${lastLines(errorLog)}\nsupervisor:\n${lastLines(this.#stderr)}`;
  }

  async end(): Promise<number | null> {
    this.thaw();
    this.signalSupervisor("SIGTERM");
    return this.#exit;
  }

  async kill(part: GatePart = "all"): Promise<void> {
    const pids = await this.findPids(part);
    for (const pid of pids) signalIfAlive(pid, "SIGKILL");
    await untilGone(pids);
  }

  async freeze(part: GatePart = "all"): Promise<void> {
    const pids = await this.findPids(part);
    for (const pid of pids) {
      this.#frozen.add(pid);
      signalIfAlive(pid, "SIGSTOP");
    }
    await untilStopped(pids);
  }

  thaw(): void {
    for (const pid of this.#frozen) signalIfAlive(pid, "SIGCONT");
    this.#frozen.clear();
  }

  async stop(): Promise<void> {
    this.thaw();
    await this.kill("all");
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** 0 when there is none. */
  protected get supervisorPid(): number {
    const pid = this.#supervisor?.pid ?? 0;
    return isAlive(pid) ? pid : 0;
  }

  protected signalSupervisor(signal: "SIGHUP" | "SIGTERM"): void {
    this.#supervisor?.kill(signal);
  }

  /** @throws Error when the gate does not answer */
  protected async readStatus(): Promise<StatusPage> {
    return JSON.parse((await askStatus(this.#statusListen, "/status", 20_000)).body) as StatusPage;
  }

  /** Waits for a part that is not there at this moment, since it has just ended or hands over; `all` may be nobody. */
  protected async findPids(part: GatePart): Promise<number[]> {
    return until(
      async () => {
        const pids = await this.#listPids(part);
        return (pids.length > 0 || part === "all") && pids;
      },
      () => `there is no ${part}\n${this.explain()}`,
      2 * PATIENCE_MS,
    );
  }

  /** The supervisor comes first, since it would start again what ends before it. */
  async #listPids(part: GatePart): Promise<number[]> {
    const { supervisor, master, workers, follower } = await this.readProcesses();
    const found: Record<GatePart, readonly (number | undefined)[]> = {
      all: [supervisor, master, ...workers],
      supervisor: [supervisor],
      master: [master],
      follower: [follower],
      worker: [workers.find(pid => pid !== follower) ?? workers[0]],
    };
    return found[part].filter(pid => pid !== undefined && pid !== 0) as number[];
  }
}

function lastLines(text: string): string {
  return text.split("\n").slice(-60).join("\n");
}
