import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type AccessLogLine, readLog, waitForLog } from "@linkgate/njs/testing";
import { buildFilter } from "../../envoy-filter/build.ts";
import { askAdmin } from "../../envoy-filter/supervisor/admin-client.ts";
import { SocketBridge } from "../../envoy-filter/testing/socket-bridge.ts";
import { askStatus } from "../../njs/supervisor/status-client.ts";
import { until } from "../../njs/test/support/until.ts";
import { findFreePorts } from "../../sandbox/src/ports.ts";
import {
  type GateKind,
  type GatePart,
  type GateProcesses,
  type GateSettings,
  type GateState,
  type GateUnderTest,
  startGate,
  ZONE,
} from "./gate.ts";
import { childrenOf, isAlive, signalIfAlive, untilGone } from "./processes.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SUPERVISOR = join(ROOT, "envoy-filter/supervisor/main.ts");
const FAULTY = join(ROOT, "envoy-filter/dist/faulty.wasm");

/** Envoy with the wasm filter, run by its supervisor as in production, with deploy/envoy's templates as they are. */
export const envoy: GateKind = { name: "envoy", parts: [], create: settings => createEnvoy(settings) };

/** The same with the product's own filter that traps when a test asks for it: envoy-filter/test/wasm/faulty.ts says how. */
export const faultyEnvoy: GateKind = {
  ...envoy,
  create: settings => createEnvoy(settings, { LINKGATE_FILTER: buildFilter("test/wasm/faulty.ts", FAULTY) }),
};

/** Starts an Envoy with settings of its supervisor that are Envoy's alone, or wrong. @param env by variable */
export async function startEnvoy(settings: GateSettings, env: Record<string, string> = {}): Promise<EnvoyGate> {
  return (await startGate({ ...envoy, create: each => createEnvoy(each, env) }, settings)) as EnvoyGate;
}

/** Prepares an Envoy, as {@link startEnvoy} starts it. */
export async function createEnvoy(settings: GateSettings, env: Record<string, string> = {}): Promise<EnvoyGate> {
  const command = process.env.LINKGATE_ENVOY_COMMAND ?? join(ROOT, ".cache/envoy/bin/envoy");
  if (!existsSync(command)) throw new Error(`there is no Envoy at ${command}: run npm test, which fetches it`);
  const filter = buildFilter();
  const dir = mkdtempSync(join(tmpdir(), "lge-"));
  const [direct = 0, proxy = 0, publicPort = 0, status = 0, admin = 0] = await findFreePorts(5);
  const bridge = await SocketBridge.start(settings.upstreamDir);
  writeFileSync(join(dir, "token"), `${settings.feedToken}\n`);
  return new EnvoyGate(dir, { direct, proxy, public: publicPort, status, admin }, bridge, {
    LINKGATE_ENVOY_COMMAND: command,
    LINKGATE_FILTER: filter,
    LINKGATE_RUN_DIR: join(dir, "run"),
    LINKGATE_UPSTREAM: bridge.upstream,
    LINKGATE_RESOLVER: bridge.resolver,
    LINKGATE_DIRECT_LISTEN: `[::]:${direct}`,
    LINKGATE_PROXY_LISTEN: `127.0.0.1:${proxy}`,
    LINKGATE_PUBLIC_LISTEN: `[::]:${publicPort}`,
    LINKGATE_STATUS_LISTEN: `127.0.0.1:${status}`,
    LINKGATE_ADMIN_LISTEN: `127.0.0.1:${admin}`,
    LINKGATE_FEED_TOKEN_FILE: join(dir, "token"),
    ...writeEnvironment(settings),
    ...env,
  });
}

function writeEnvironment(settings: GateSettings): Record<string, string> {
  return {
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

/** The filter's status page, as far as tests ask. */
type StatusPage = {
  incarnation: string;
  table: { state: GateState["table"]; generation: number };
  lastFailure: { text: string; count: number } | null;
};

type Ports = { direct: number; proxy: number; public: number; status: number; admin: number };

/** An Envoy under test, with what only Envoy has. */
export class EnvoyGate implements GateUnderTest {
  readonly name = "envoy";
  readonly dir: string;
  readonly endpoints: GateUnderTest["endpoints"];
  readonly #ports: Ports;
  readonly #bridge: SocketBridge;
  readonly #env: Record<string, string>;
  readonly #frozen = new Set<number>();
  #supervisor: ChildProcess | null = null;
  #exit: Promise<number | null> = Promise.resolve(null);
  #stderr = "";

  constructor(dir: string, ports: Ports, bridge: SocketBridge, env: Record<string, string>) {
    this.dir = dir;
    this.endpoints = { direct: { port: ports.direct }, proxy: { port: ports.proxy }, public: { port: ports.public } };
    this.#ports = ports;
    this.#bridge = bridge;
    this.#env = env;
  }

  get tokenFile(): string {
    return join(this.dir, "token");
  }

  /** Of Envoy's admin page, `host:port`. */
  get admin(): string {
    return `127.0.0.1:${this.#ports.admin}`;
  }

  get accessLog(): string {
    return join(this.dir, "run/access.log");
  }

  async launch(): Promise<void> {
    const child = spawn(process.execPath, [SUPERVISOR], {
      env: { ...process.env, ...this.#env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#supervisor = child;
    child.stderr.setEncoding("utf8").on("data", text => {
      this.#stderr = (this.#stderr + text).slice(-100_000);
    });
    this.#exit = new Promise(resolve => child.once("exit", resolve));
    const ready = new Promise<boolean>(resolve => child.stdout.once("data", () => resolve(true)));
    if (!(await Promise.race([ready, this.#exit.then(() => false)])))
      throw new Error(`the supervisor ended: ${this.explain()}`);
  }

  async readState(): Promise<GateState> {
    const answer = await askStatus(`127.0.0.1:${this.#ports.status}`, "/status", 2000);
    const { incarnation, table, lastFailure } = JSON.parse(answer.body) as StatusPage;
    return { incarnation, table: table.state, generation: table.generation, lastFailure };
  }

  async whenState(fits: (state: GateState) => boolean, deadlineMs = 10_000): Promise<GateState> {
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
    return askStatus(`127.0.0.1:${this.#ports.status}`, "/ready", 2000).then(
      answer => answer.status === 200,
      () => false,
    );
  }

  /** Workers and follower are threads of the one process. */
  async readProcesses(): Promise<GateProcesses> {
    const supervisor = this.#supervisor?.pid ?? 0;
    const [master = 0] = childrenOf(isAlive(supervisor) ? supervisor : 0).filter(isEnvoy);
    return { supervisor: isAlive(supervisor) ? supervisor : 0, master, workers: [], follower: master };
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

  /** Envoy has no size of a table to change: its listeners are put in place again. */
  async reload(): Promise<void> {
    const before = await this.#readListenerVersion();
    this.#supervisor?.kill("SIGHUP");
    await until(
      async () => (await this.#readListenerVersion()) !== before,
      () => `the listeners are the old ones\n${this.explain()}`,
      60_000,
    );
  }

  async end(): Promise<number | null> {
    this.thaw();
    this.#supervisor?.kill("SIGTERM");
    return this.#exit;
  }

  async kill(part: GatePart = "all"): Promise<void> {
    const pids = await this.#findPids(part);
    for (const pid of pids) signalIfAlive(pid, "SIGKILL");
    await untilGone(pids);
  }

  async freeze(part: GatePart = "all"): Promise<void> {
    for (const pid of await this.#findPids(part)) {
      this.#frozen.add(pid);
      signalIfAlive(pid, "SIGSTOP");
    }
  }

  thaw(): void {
    for (const pid of this.#frozen) signalIfAlive(pid, "SIGCONT");
    this.#frozen.clear();
  }

  async stop(): Promise<void> {
    this.thaw();
    await this.kill("all");
    await this.#bridge.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** The supervisor comes first, since it would start again what ends before it. */
  async #findPids(part: GatePart): Promise<number[]> {
    if (part === "worker" || part === "follower") throw new Error(`the ${part} is a thread of Envoy's`);
    const { supervisor, master } = await this.readProcesses();
    const pids = part === "all" ? [supervisor, master] : [part === "supervisor" ? supervisor : master];
    const running = pids.filter(pid => pid !== 0);
    if (running.length === 0 && part !== "all") throw new Error(`there is no ${part} now`);
    return running;
  }

  async #readListenerVersion(): Promise<string> {
    return askAdmin(this.admin, "GET", "/stats?filter=listener_manager.lds.version_text");
  }
}

function isEnvoy(pid: number): boolean {
  return /envoy/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
}

function lastLines(text: string): string {
  return text.split("\n").slice(-60).join("\n");
}
