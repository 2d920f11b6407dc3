import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type AccessLogLine, readLog, waitForLog } from "@linkgate/njs/testing";
import { buildGate } from "../../njs/build.ts";
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
  type Reloadable,
  ZONE,
} from "./gate.ts";
import { childrenOf, isAlive, signalIfAlive, untilGone } from "./processes.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SUPERVISOR = join(ROOT, "njs/supervisor/main.ts");
const TEMPLATE = join(ROOT, "deploy/nginx/nginx.conf.template");

/** NGINX with njs, run by its supervisor as in production; its configuration is deploy/nginx's template as it is. */
export const nginx: GateKind = {
  name: "nginx",
  parts: ["worker", "follower"],
  async create(settings) {
    const nginxCommand = process.env.LINKGATE_NGINX_COMMAND ?? join(ROOT, ".cache/nginx/bin/nginx");
    if (!existsSync(nginxCommand))
      throw new Error(`there is no NGINX at ${nginxCommand}: run npm test, which fetches it`);
    // Its workers run as another user where tests don't run as root, and a socket's path must be short: not in the project.
    const dir = mkdtempSync(join(tmpdir(), "lg-"));
    const [direct = 0, proxy = 0, publicPort = 0, status = 0] = await findFreePorts(4);
    await buildGate(join(dir, "gate.js"));
    writeFileSync(join(dir, "token"), `${settings.feedToken}\n`);
    writeFileSync(join(dir, "nginx.conf.template"), readFileSync(TEMPLATE));
    return new NginxGate(dir, { direct, proxy, public: publicPort }, `127.0.0.1:${status}`, {
      LINKGATE_NGINX_COMMAND: nginxCommand,
      LINKGATE_NGINX_MODULES: process.env.LINKGATE_NGINX_MODULES ?? join(ROOT, ".cache/nginx/modules"),
      LINKGATE_TEMPLATE: join(dir, "nginx.conf.template"),
      LINKGATE_GATE_SCRIPT: join(dir, "gate.js"),
      LINKGATE_RUN_DIR: join(dir, "run"),
      LINKGATE_USER: process.getuid?.() === 0 ? "root" : "nobody",
      LINKGATE_DIRECT_LISTEN: `[::]:${direct} ipv6only=off`,
      LINKGATE_PROXY_LISTEN: `127.0.0.1:${proxy}`,
      LINKGATE_PUBLIC_LISTEN: `[::]:${publicPort} ipv6only=off`,
      LINKGATE_STATUS_LISTEN: `127.0.0.1:${status}`,
      LINKGATE_FEED_TOKEN_FILE: join(dir, "token"),
      ...writeEnvironment(settings),
    });
  },
};

function writeEnvironment(settings: GateSettings): Record<string, string> {
  return {
    LINKGATE_FEED_URL: settings.feedUrl,
    ...(settings.feedCaFile === undefined ? {} : { LINKGATE_FEED_CA_FILE: settings.feedCaFile }),
    LINKGATE_GATE_NAME: settings.gateName ?? "test-gate",
    LINKGATE_UPSTREAM: `http://unix:${settings.upstreamDir}/$linkgate_account.sock`,
    LINKGATE_ZONES: settings.zones ?? `${ZONE.public}/${ZONE.private}`,
    LINKGATE_LINK_TLV: settings.linkTlv ?? "off",
    LINKGATE_LOAD_BALANCERS: (settings.loadBalancers ?? ["127.0.0.1"]).join(","),
    LINKGATE_MAX_TABLE_AGE: String(settings.maxTableAge ?? 3600),
    LINKGATE_LINK_QUARANTINE: String(settings.linkQuarantine ?? 60),
    ...(settings.tls === undefined
      ? {}
      : { LINKGATE_TLS_CERT_FILE: settings.tls.certFile, LINKGATE_TLS_KEY_FILE: settings.tls.keyFile }),
    LINKGATE_WORKERS: String(settings.workers ?? 2),
    LINKGATE_TABLE_SIZE: settings.tableSize ?? "4m",
    LINKGATE_DRAIN_TIMEOUT: String(settings.drainTimeout ?? 10),
  };
}

/** The status page of the NGINX gate, as far as tests ask. */
type StatusPage = {
  incarnation: string;
  table: { state: GateState["table"]; generation: number };
  follower: { process: string } | null;
  lastFailure: { text: string; count: number } | null;
};

class NginxGate implements GateUnderTest {
  readonly name = "nginx";
  readonly dir: string;
  readonly endpoints: GateUnderTest["endpoints"];
  readonly #statusListen: string;
  readonly #env: Record<string, string>;
  readonly #frozen = new Set<number>();
  #supervisor: ChildProcess | null = null;
  #exit: Promise<number | null> = Promise.resolve(null);
  #stderr = "";

  constructor(
    dir: string,
    ports: { direct: number; proxy: number; public: number },
    statusListen: string,
    env: Record<string, string>,
  ) {
    this.dir = dir;
    this.endpoints = { direct: { port: ports.direct }, proxy: { port: ports.proxy }, public: { port: ports.public } };
    this.#statusListen = statusListen;
    this.#env = env;
  }

  get tokenFile(): string {
    return join(this.dir, "token");
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
    // A test that ends without stopping its gate leaves none behind.
    const leaveNothing = () => child.kill("SIGTERM");
    process.once("exit", leaveNothing);
    child.once("exit", () => process.off("exit", leaveNothing));
    const ready = new Promise<boolean>(resolve => child.stdout.once("data", () => resolve(true)));
    if (!(await Promise.race([ready, this.#exit.then(() => false)])))
      throw new Error(`the supervisor ended: ${this.explain()}`);
  }

  async readState(): Promise<GateState> {
    const { incarnation, table, lastFailure } = await this.#readStatus();
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
    return askStatus(this.#statusListen, "/ready", 2000).then(
      answer => answer.status === 200,
      () => false,
    );
  }

  async readProcesses(): Promise<GateProcesses> {
    const supervisor = this.#supervisor?.pid ?? 0;
    const master = this.#readMasterPid();
    const page = await this.#readStatus().catch(() => null);
    return {
      supervisor: isAlive(supervisor) ? supervisor : 0,
      master,
      workers: childrenOf(master),
      follower: Number(page?.follower?.process.split(".")[0] ?? 0),
    };
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

  async reload(changes: Reloadable = {}): Promise<void> {
    if (changes.tableSize !== undefined) this.#fixTableSize(changes.tableSize);
    const old = childrenOf(this.#readMasterPid());
    this.#supervisor?.kill("SIGHUP");
    await until(
      () => childrenOf(this.#readMasterPid()).some(pid => !old.includes(pid)) && !old.some(isAlive),
      () => `the old workers ${old.filter(isAlive)} are still there\n${this.explain()}`,
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
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** The supervisor comes first, since it would start again what ends before it. */
  async #findPids(part: GatePart): Promise<number[]> {
    const { supervisor, master, workers, follower } = await this.readProcesses();
    const one = (pid: number | undefined) => {
      if (!pid) throw new Error(`there is no ${part} now`);
      return [pid];
    };
    switch (part) {
      case "all":
        return [supervisor, master, ...workers].filter(pid => pid !== 0);
      case "supervisor":
        return one(supervisor);
      case "master":
        return one(master);
      case "follower":
        return one(follower);
      case "worker":
        return one(workers.find(pid => pid !== follower) ?? workers[0]);
    }
  }

  /** 0 when there is none: the pid file of a master that was killed stays. */
  #readMasterPid(): number {
    const file = join(this.dir, "run/nginx.pid");
    const pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    return pid > 1 && isAlive(pid) && /nginx/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8")) ? pid : 0;
  }

  async #readStatus(): Promise<StatusPage> {
    return JSON.parse((await askStatus(this.#statusListen, "/status", 2000)).body) as StatusPage;
  }

  /** The supervisor keeps its settings for life; who operates it changes a size in the template. */
  #fixTableSize(size: string): void {
    const file = this.#env.LINKGATE_TEMPLATE ?? "";
    const text = readFileSync(file, "utf8").replace(/(zone=lg_table[01]:)\S+( type)/g, `$1${size}$2`);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the template's own placeholder, which it must name
    const name = "# ${LINKGATE_TABLE_SIZE} no more\n";
    writeFileSync(file, text.startsWith(name) ? text : name + text);
  }
}

function lastLines(text: string): string {
  return text.split("\n").slice(-60).join("\n");
}
