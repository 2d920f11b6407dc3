import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createSecureContext } from "node:tls";
import { sayGoodbye } from "../../njs/supervisor/goodbye.ts";
import type { SettingValues } from "../../njs/supervisor/settings.ts";
import { isLive, readStatus } from "../../njs/supervisor/status-client.ts";
import type { Log } from "../../njs/supervisor/supervisor.ts";
import { renderTemplate } from "../../njs/supervisor/template.ts";
import { askAdmin, sumStats } from "./admin-client.ts";
import { checkEnvoyVersion, EnvoyProcess, validateBootstrap } from "./envoy-process.ts";
import { renderCertificate, renderSettings, renderToken } from "./settings.ts";

const START_DEADLINE_MS = 30_000;
const PROBE_EVERY_MS = 1000;
const PROBE_DEADLINE_MS = 2000;
const PROBES_MISSED = 3;
const LONGEST_PAUSE_MS = 5000;

/**
 * Runs Envoy: starts it, restarts it when it has died or is wedged, renews its listeners and the feed's token, stops it, and says
 * goodbye for each incarnation that has ended (feed rules 11 and 22).
 */
export class Supervisor {
  readonly #settings: SettingValues;
  readonly #log: Log;
  #envoy: EnvoyProcess | null = null;
  #incarnation = "";
  #token = "";
  #version = 0;
  #isStopping = false;
  #watching: Promise<void> = Promise.resolve();
  #goodbyes: Promise<void>[] = [];

  constructor(settings: SettingValues, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /** Envoy's process id; 0 while there is none. */
  get envoyPid(): number {
    return this.#envoy?.pid ?? 0;
  }

  /**
   * Starts Envoy and waits until the filter answers; from then on it is kept running.
   * @throws Error when the configuration is refused, Envoy is too old, or it does not answer within 30 s
   */
  async start(): Promise<void> {
    mkdirSync(this.#value("RUN_DIR"), { recursive: true });
    const version = await checkEnvoyVersion(this.#value("ENVOY_COMMAND"));
    this.#writeToken();
    if (this.#token === "") throw new Error(`there is no token for the feed in ${this.#value("FEED_TOKEN_FILE")}`);
    this.#writeCertificate();
    await this.#writeConfiguration();
    await this.#startEnvoy();
    this.#log("info", "Envoy is up", { envoy: version, pid: this.envoyPid, incarnation: this.#incarnation });
    this.#watching = this.#watch();
  }

  /** Renders the listeners again and lets Envoy read them; those that can't be used change nothing. @returns whether they were taken */
  async reload(): Promise<boolean> {
    try {
      const [taken, refused] = [await this.#countUpdates("success"), await this.#countUpdates("rejected")];
      this.#writeListeners();
      for (const deadline = Date.now() + START_DEADLINE_MS; Date.now() < deadline; await delay(20)) {
        if ((await this.#countUpdates("rejected")) > refused)
          throw new Error(`Envoy has rejected the listeners; its log says: ${this.#readEndOfErrorLog()}`);
        if ((await this.#countUpdates("success")) > taken) break;
      }
      this.#log("info", "Envoy has new listeners");
      return true;
    } catch (error) {
      this.#log("error", "the listeners are refused; the old ones stay", { reason: messageOf(error) });
      return false;
    }
  }

  #countUpdates(end: "success" | "rejected"): Promise<number> {
    return sumStats(this.#value("ADMIN_LISTEN"), `listener_manager.lds.update_${end}`);
  }

  /** Lets Envoy finish its requests, waits for its end, and says goodbye. Kills what does not end in time. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const envoy = this.#envoy;
    if (envoy !== null) {
      const deadline = Date.now() + Number(this.#value("DRAIN_TIMEOUT")) * 1000;
      await this.#drain(deadline);
      envoy.signal("SIGTERM");
      await Promise.race([envoy.ended, delay(5000, null, { ref: false })]);
    }
    await this.#watching;
    await this.#endEnvoy();
    await Promise.all(this.#goodbyes);
  }

  /** Takes no connection any more, and waits until no request runs. */
  async #drain(deadline: number): Promise<void> {
    try {
      await askAdmin(this.#value("ADMIN_LISTEN"), "POST", "/drain_listeners");
      while (Date.now() < deadline) {
        const running = await sumStats(this.#value("ADMIN_LISTEN"), "^http\\.linkgate_.*\\.downstream_rq_active$");
        if (running === 0) return;
        await delay(50);
      }
    } catch (error) {
      this.#log("warn", "Envoy did not drain", { reason: messageOf(error) });
    }
  }

  /** Restarts Envoy when it ends, or when the filter does not answer three probes in a row; renews the token. */
  async #watch(): Promise<void> {
    let missed = 0;
    while (!this.#isStopping) {
      const envoy = this.#envoy;
      if (envoy?.isRunning) {
        await Promise.race([envoy.ended, delay(PROBE_EVERY_MS)]);
        if (this.#isStopping) return;
        this.#writeToken();
      }
      if (envoy?.isRunning) {
        missed = (await isLive(this.#value("STATUS_LISTEN"), PROBE_DEADLINE_MS)) ? 0 : missed + 1;
        if (missed === 0) await this.#learnIncarnation();
        if (missed < PROBES_MISSED) continue;
      }
      if (this.#isStopping) return;
      missed = 0;
      await this.#restart(envoy?.isRunning ? "is wedged" : "has ended");
    }
  }

  async #restart(why: string): Promise<void> {
    this.#log("error", `Envoy ${why}; it is started again`, { pid: this.envoyPid });
    await this.#endEnvoy();
    for (let pause = 100; !this.#isStopping; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        await this.#startEnvoy();
        this.#log("info", "Envoy is up again", { pid: this.envoyPid, incarnation: this.#incarnation });
        return;
      } catch (error) {
        this.#log("error", "Envoy could not be started", { reason: messageOf(error), pauseMs: pause });
        await delay(pause);
      }
    }
  }

  async #startEnvoy(): Promise<void> {
    const workers = this.#value("WORKERS");
    const envoy = await EnvoyProcess.start(this.#value("ENVOY_COMMAND"), [
      ...["-c", this.#path("envoy.yaml"), "--use-dynamic-base-id", "--log-level", "warning"],
      ...["--log-path", this.#value("ERROR_LOG"), "--file-flush-interval-msec", "20"],
      ...["--drain-time-s", this.#value("DRAIN_TIMEOUT"), "--parent-shutdown-time-s", "3700"],
      ...(workers === "auto" ? [] : ["--concurrency", workers]),
    ]);
    this.#envoy = envoy;
    try {
      await this.#waitUntilLive(envoy);
    } catch (error) {
      await this.#endEnvoy();
      throw error;
    }
  }

  /** Envoy takes listeners only when their filter has loaded, so an answer of the status listener says that all is well. */
  async #waitUntilLive(envoy: EnvoyProcess): Promise<void> {
    const deadline = Date.now() + START_DEADLINE_MS;
    while (this.#incarnation === "") {
      if (!envoy.isRunning) throw new Error(`Envoy has ended; its log says: ${this.#readEndOfErrorLog()}`);
      if (Date.now() > deadline) throw new Error(`Envoy does not answer; its log says: ${this.#readEndOfErrorLog()}`);
      if ((await this.#countUpdates("rejected").catch(() => 0)) > 0)
        throw new Error(`Envoy has rejected the listeners; its log says: ${this.#readEndOfErrorLog()}`);
      await this.#learnIncarnation();
      await Promise.race([envoy.ended, delay(20)]);
    }
  }

  async #learnIncarnation(): Promise<void> {
    const status = await readStatus(this.#value("STATUS_LISTEN"), PROBE_DEADLINE_MS);
    if (status?.incarnation) this.#incarnation = status.incarnation;
  }

  /** Makes sure that this Envoy has ended; then, and only then, its incarnation can be said goodbye for. */
  async #endEnvoy(): Promise<void> {
    this.#envoy?.signal("SIGKILL");
    await this.#envoy?.ended;
    this.#envoy = null;
    const incarnation = this.#incarnation;
    this.#incarnation = "";
    if (incarnation === "") return;
    this.#goodbyes.push(
      sayGoodbye(this.#settings, incarnation).then(isTaken => {
        if (isTaken) this.#log("info", "said goodbye", { incarnation });
        else this.#log("warn", "the feed did not take the goodbye", { incarnation });
      }),
    );
  }

  /** Renders both files and has Envoy check the bootstrap. */
  async #writeConfiguration(): Promise<void> {
    this.#writeListeners();
    const bootstrap = this.#render("envoy.yaml.template");
    writeFileSync(this.#path("envoy.yaml"), bootstrap);
    await validateBootstrap(this.#value("ENVOY_COMMAND"), this.#path("envoy.yaml"));
  }

  #writeListeners(): void {
    this.#version++;
    this.#putInPlace("listeners.yaml", this.#render("listeners.yaml.template"), 0o644);
  }

  /** Each template has a part of the placeholders; together they must have all. */
  #render(name: string): string {
    const read = (file: string) => readFileSync(join(this.#value("TEMPLATE_DIR"), file), "utf8");
    const both = read("envoy.yaml.template") + read("listeners.yaml.template");
    const values = { ...renderSettings(this.#settings), LINKGATE_LISTENERS_VERSION: String(this.#version) };
    renderTemplate(both, values);
    const template = read(name);
    const own = Object.entries(values).filter(([placeholder]) => template.includes(`\${${placeholder}}`));
    return renderTemplate(template, Object.fromEntries(own));
  }

  /** Hands the token to Envoy when it has changed. A file that can't be read, or is empty, leaves the old one. */
  #writeToken(): void {
    try {
      const token = readFileSync(this.#value("FEED_TOKEN_FILE"), "utf8").trim();
      if (token === this.#token || !/^[\x21-\x7e]+$/.test(token)) return;
      this.#putInPlace("feed-token.yaml", renderToken(token), 0o600);
      this.#token = token;
    } catch (error) {
      this.#log("warn", "the feed's token can't be read", { reason: messageOf(error) });
    }
  }

  /** Tells Envoy where the certificate is; it waits for one without a word, so what can't be used is found here. */
  #writeCertificate(): void {
    const [certificate, key] = [this.#value("TLS_CERT_FILE"), this.#value("TLS_KEY_FILE")];
    if (certificate === "") return;
    try {
      createSecureContext({ cert: readFileSync(certificate), key: readFileSync(key) });
    } catch (error) {
      throw new Error(`the certificate ${certificate} can't be used with the key ${key}: ${messageOf(error)}`);
    }
    this.#putInPlace("tls-certificate.yaml", renderCertificate(this.#settings), 0o644);
  }

  /** Envoy notices a file that takes another's place, and never sees half of it. */
  #putInPlace(name: string, text: string, mode: number): void {
    const aside = this.#path(`${name}.new`);
    rmSync(aside, { force: true });
    writeFileSync(aside, text, { mode });
    renameSync(aside, this.#path(name));
  }

  #readEndOfErrorLog(): string {
    try {
      return readFileSync(this.#value("ERROR_LOG"), "utf8").trim().split("\n").slice(-5).join(" | ");
    } catch (error) {
      return messageOf(error);
    }
  }

  #path(name: string): string {
    return join(this.#value("RUN_DIR"), name);
  }

  #value(name: string): string {
    return this.#settings[`LINKGATE_${name}`] ?? "";
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
