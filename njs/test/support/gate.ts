import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFailed } from "vitest";
import { buildGate } from "../../build.ts";
import { askStatus } from "../../supervisor/status-client.ts";
import { type AccessLogLine, findFreePorts, readLog, waitForLog } from "../../testing/index.ts";
import type { TestFeed } from "./feed.ts";
import { PATIENCE_MS, until } from "./until.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const MAIN = fileURLToPath(new URL("../../supervisor/main.ts", import.meta.url));
/** The zone of core's cases. */
export const ZONE = { public: "azurehealthcareapis.com", private: "privatelink.azurehealthcareapis.com" };

/** What the status page says, as far as tests ask. */
export type StatusPage = {
  incarnation: string;
  table: { state: "none" | "current" | "expired"; generation: number; ageSeconds: number | null; cursor: string };
  follower: { process: string; leaseSeconds: number } | null;
  lastFailure: { text: string; count: number } | null;
  reports: { sequence: number; isDone: boolean; lastFailure: { text: string; count: number } | null };
  zones: { capacity: number; free: number }[];
};

/** A real NGINX with the gate, started through the supervisor with the configuration of deploy/nginx as it is. */
export class TestGate {
  readonly dir: string;
  readonly ports: { direct: number; proxy: number; public: number; status: number };
  readonly env: Record<string, string>;
  readonly #feed: TestFeed;
  #child: ChildProcess | null = null;
  #stderr = "";
  #exit: Promise<number | null> = Promise.resolve(null);

  private constructor(feed: TestFeed, dir: string, ports: TestGate["ports"], env: Record<string, string>) {
    this.#feed = feed;
    this.dir = dir;
    this.ports = ports;
    this.env = env;
  }

  /**
   * Prepares a gate in a folder of its own, on free ports.
   * @param settings over what a test needs anyhow
   */
  static async create(feed: TestFeed, settings: Record<string, string> = {}): Promise<TestGate> {
    // The workers may run as another user, and a socket's path must be short: not the project's folder. A person's folder may
    // well have a blank and an umlaut in its name.
    const dir = mkdtempSync(join(tmpdir(), "lg ü"));
    mkdirSync(join(dir, "up"));
    writeFileSync(join(dir, "token"), `${feed.token}\n`);
    await buildGate(join(dir, "gate.js"));
    const [direct = 0, proxy = 0, publicPort = 0, status = 0] = await findFreePorts(4);
    const env = {
      LINKGATE_NGINX_COMMAND: nginxCommand(),
      LINKGATE_NGINX_MODULES: nginxModules(),
      LINKGATE_GATE_SCRIPT: join(dir, "gate.js"),
      LINKGATE_RUN_DIR: join(dir, "run"),
      LINKGATE_USER: process.getuid?.() === 0 ? "root" : "nobody",
      LINKGATE_WORKERS: "1",
      LINKGATE_DIRECT_LISTEN: `[::]:${direct} ipv6only=off`,
      LINKGATE_PROXY_LISTEN: `127.0.0.1:${proxy}`,
      LINKGATE_PUBLIC_LISTEN: `[::]:${publicPort} ipv6only=off`,
      LINKGATE_STATUS_LISTEN: `127.0.0.1:${status}`,
      LINKGATE_LOAD_BALANCERS: "127.0.0.1",
      LINKGATE_FEED_URL: feed.url,
      LINKGATE_GATE_NAME: "test-gate",
      LINKGATE_FEED_TOKEN_FILE: join(dir, "token"),
      LINKGATE_UPSTREAM: `http://unix:${dir}/up/$linkgate_account.sock`,
      LINKGATE_TABLE_SIZE: "4m",
      LINKGATE_DRAIN_TIMEOUT: "10",
      ...settings,
    };
    return new TestGate(feed, dir, { direct, proxy, public: publicPort, status }, env);
  }

  /** Prepares and starts one, and waits until it answers and its table is in force. */
  static async start(feed: TestFeed, settings: Record<string, string> = {}): Promise<TestGate> {
    const gate = await TestGate.create(feed, settings);
    try {
      await gate.launch();
      await gate.whenTable("current");
      return gate;
    } catch (error) {
      await gate.stop();
      throw error;
    }
  }

  /** Starts the supervisor. @throws Error with what it said when it ends before NGINX answers */
  async launch(): Promise<void> {
    const child = spawn(process.execPath, [MAIN], {
      env: { ...process.env, ...this.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.#stderr = "";
    child.stderr.setEncoding("utf8").on("data", text => {
      this.#stderr += text;
    });
    this.#exit = new Promise(resolve => child.once("close", resolve)); // not "exit": all that it said has come by then
    const ready = new Promise<boolean>(resolve => child.stdout.once("data", () => resolve(true)));
    if (!(await Promise.race([ready, this.#exit.then(() => false)]))) {
      throw new Error(`the supervisor ended: ${this.#stderr}\n${this.errorLog}`);
    }
  }

  get supervisorPid(): number {
    return this.#child?.pid ?? 0;
  }

  /** NGINX's master, by its pid file. */
  get masterPid(): number {
    return Number(readFileSync(join(this.dir, "run/nginx.pid"), "utf8"));
  }

  /** The processes of NGINX's workers. */
  get workerPids(): number[] {
    const children = readFileSync(`/proc/${this.masterPid}/task/${this.masterPid}/children`, "utf8");
    return children
      .trim()
      .split(" ")
      .filter(pid => pid !== "")
      .map(Number);
  }

  get accessLog(): string {
    return join(this.dir, "run/access.log");
  }

  get errorLog(): string {
    const file = join(this.dir, "run/error.log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  get supervisorLog(): string {
    return this.#stderr;
  }

  async status(): Promise<StatusPage> {
    return JSON.parse((await askStatus(this.env.LINKGATE_STATUS_LISTEN ?? "", "/status", 20_000)).body) as StatusPage;
  }

  /** The HTTP status of `/live` or `/ready`. */
  async probe(path: "/live" | "/ready"): Promise<number> {
    return (await askStatus(this.env.LINKGATE_STATUS_LISTEN ?? "", path, 20_000)).status;
  }

  async whenTable(state: StatusPage["table"]["state"], deadlineMs = PATIENCE_MS): Promise<StatusPage> {
    return this.whenStatus(page => page.table.state === state, deadlineMs);
  }

  async whenStatus(fits: (page: StatusPage) => boolean, deadlineMs = PATIENCE_MS): Promise<StatusPage> {
    let last: unknown;
    const find = async () => {
      const page = await this.status().catch(error => {
        last = error;
        return null;
      });
      last = page ?? last;
      return page !== null && fits(page) ? page : null;
    };
    return until(
      find,
      () => `the status page never said so; last: ${JSON.stringify(last)}\n${this.errorLog}`,
      deadlineMs,
    );
  }

  /** Waits for the line of the request with this target. */
  async logOf(target: string): Promise<AccessLogLine> {
    return waitForLog(this.accessLog, line => line.request_uri === target);
  }

  async log(): Promise<AccessLogLine[]> {
    return readLog(this.accessLog);
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Stops the supervisor and NGINX as a person would. @returns the exit status */
  async terminate(): Promise<number | null> {
    this.signal("SIGTERM");
    const waking = setInterval(() => this.#feed.wakeAll(), 50); // a poll that waits holds its worker back
    const code = await this.#exit;
    clearInterval(waking);
    return code;
  }

  /** Waits until the supervisor has ended, and everyone who may write to its log. */
  async ended(): Promise<number | null> {
    return this.#exit;
  }

  /** Stops the supervisor and NGINX, and removes the folder. */
  async stop(): Promise<void> {
    await this.terminate();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Prints what NGINX and the supervisor said, should the running test fail. */
  explainFailure(): void {
    onTestFailed(() => {
      console.log(`error log:\n${lastLines(this.errorLog)}\nsupervisor:\n${lastLines(this.#stderr)}`);
    });
  }
}

/** The NGINX that setup fetched, or another one by `LINKGATE_NGINX_COMMAND`. */
export function nginxCommand(): string {
  const nginx = process.env.LINKGATE_NGINX_COMMAND ?? join(ROOT, ".cache/nginx/bin/nginx");
  if (nginx.startsWith("/") && !existsSync(nginx))
    throw new Error(`there is no NGINX at ${nginx}; npm test fetches it`);
  return nginx;
}

/** Where its modules are, or `LINKGATE_NGINX_MODULES`. */
export function nginxModules(): string {
  return process.env.LINKGATE_NGINX_MODULES ?? join(ROOT, ".cache/nginx/modules");
}

function lastLines(text: string): string {
  return text.split("\n").slice(-60).join("\n");
}
