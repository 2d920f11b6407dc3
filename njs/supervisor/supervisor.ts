import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sayGoodbye } from "./goodbye.ts";
import { checkNginxVersion, NginxProcess, testConfiguration } from "./nginx-process.ts";
import { renderSettings, type SettingValues } from "./settings.ts";
import { isLive, readStatus } from "./status-client.ts";
import { renderTemplate } from "./template.ts";

/** njs before 1.0.1 lets a request through whose handler fails. */
const LEAST_NJS = 0x010001;
const START_DEADLINE_MS = 30_000;
const PROBE_EVERY_MS = 1000;
const PROBE_DEADLINE_MS = 2000;
/** A worker that applies a page, or a busy machine, may miss one or two. */
const PROBES_MISSED = 3;
const LONGEST_PAUSE_MS = 5000;

/** Writes one object and one short sentence. */
export type Log = (level: "info" | "warn" | "error", text: string, details?: object) => void;

/**
 * Runs NGINX: starts it, restarts it when it has died or is wedged, reloads it, stops it, and says goodbye for each
 * incarnation that has ended (feed rules 11 and 22).
 */
export class Supervisor {
  readonly #settings: SettingValues;
  readonly #log: Log;
  readonly #configuration: string;
  readonly #stoppingFile: string;
  #nginx: NginxProcess | null = null;
  #incarnation = "";
  #certificate = "";
  #isStopping = false;
  #watching: Promise<void> = Promise.resolve();
  #goodbyes: Promise<void>[] = [];

  constructor(settings: SettingValues, log: Log) {
    this.#settings = settings;
    this.#log = log;
    this.#configuration = join(this.#value("RUN_DIR"), "nginx.conf");
    this.#stoppingFile = join(this.#value("RUN_DIR"), "stopping");
  }

  /** The process id of NGINX's master; 0 while there is none. */
  get masterPid(): number {
    return this.#nginx?.pid ?? 0;
  }

  /**
   * Starts NGINX and waits until it answers; from then on it is kept running.
   * @throws Error when the configuration is refused, NGINX or njs is too old, or it does not answer within 30 s
   */
  async start(): Promise<void> {
    for (const folder of ["", "temp"]) mkdirSync(join(this.#value("RUN_DIR"), folder), { recursive: true });
    const version = await checkNginxVersion(this.#value("NGINX_COMMAND"));
    await this.#writeConfiguration();
    await this.#startNginx();
    this.#log("info", "NGINX is up", { nginx: version, masterPid: this.masterPid, incarnation: this.#incarnation });
    this.#watching = this.#watch();
  }

  /** Renders the configuration again and lets NGINX read it. A bad one changes nothing. @returns whether it was taken */
  async reload(): Promise<boolean> {
    try {
      await this.#writeConfiguration();
    } catch (error) {
      this.#log("error", "the configuration is refused; the old one stays in force", { reason: messageOf(error) });
      return false;
    }
    this.#nginx?.signal("SIGHUP");
    this.#log("info", "NGINX was told to read its configuration again");
    return true;
  }

  /** Lets NGINX finish its requests, waits for its end, and says goodbye. Kills what does not end in time. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const nginx = this.#nginx;
    if (nginx !== null) {
      this.#tellFollower();
      nginx.signal("SIGQUIT");
      const limit = Number(this.#value("DRAIN_TIMEOUT")) * 1000 + 5000;
      await Promise.race([nginx.ended, delay(limit, null, { ref: false })]);
    }
    await this.#watching;
    await this.#endNginx();
    await Promise.all(this.#goodbyes);
  }

  /** njs does not learn of a QUIT: without this file the follower would hold its worker until the drain timeout. */
  #tellFollower(): void {
    try {
      writeFileSync(this.#stoppingFile, "");
    } catch (error) {
      this.#log("warn", "the follower can't be told to stop; it may take the drain timeout", {
        reason: messageOf(error),
      });
    }
  }

  /** Restarts NGINX when it ends, or when it does not answer three probes in a row. */
  async #watch(): Promise<void> {
    let missed = 0;
    while (!this.#isStopping) {
      const nginx = this.#nginx;
      if (nginx?.isRunning) {
        await Promise.race([nginx.ended, delay(PROBE_EVERY_MS)]);
        if (this.#isStopping) return;
      }
      if (nginx?.isRunning) {
        missed = (await isLive(this.#value("STATUS_LISTEN"), PROBE_DEADLINE_MS)) ? 0 : missed + 1;
        if (missed === 0) await this.#learnIncarnation();
        if (this.#stampCertificate() !== this.#certificate) await this.reload(); // it was renewed
        if (missed < PROBES_MISSED) continue;
      }
      if (this.#isStopping) return;
      missed = 0;
      await this.#restart(nginx?.isRunning ? "is wedged" : "has ended");
    }
  }

  async #restart(why: string): Promise<void> {
    this.#log("error", `NGINX ${why}; it is started again`, { masterPid: this.masterPid });
    await this.#endNginx();
    for (let pause = 100; !this.#isStopping; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        await this.#startNginx();
        this.#log("info", "NGINX is up again", { masterPid: this.masterPid, incarnation: this.#incarnation });
        return;
      } catch (error) {
        this.#log("error", "NGINX could not be started", { reason: messageOf(error), pauseMs: pause });
        await delay(pause);
      }
    }
  }

  async #startNginx(): Promise<void> {
    rmSync(this.#stoppingFile, { force: true });
    const nginx = await NginxProcess.start(this.#value("NGINX_COMMAND"), this.#value("ERROR_LOG"), this.#configuration);
    this.#nginx = nginx;
    try {
      await this.#waitUntilLive(nginx);
    } catch (error) {
      await this.#endNginx();
      throw error;
    }
  }

  async #waitUntilLive(nginx: NginxProcess): Promise<void> {
    const deadline = Date.now() + START_DEADLINE_MS;
    while (!(await isLive(this.#value("STATUS_LISTEN"), PROBE_DEADLINE_MS))) {
      if (!nginx.isRunning) throw new Error(`NGINX has ended; its log says: ${this.#readEndOfErrorLog()}`);
      if (Date.now() > deadline) throw new Error(`NGINX does not answer; its log says: ${this.#readEndOfErrorLog()}`);
      await Promise.race([nginx.ended, delay(20)]);
    }
    const status = await readStatus(this.#value("STATUS_LISTEN"), PROBE_DEADLINE_MS);
    if (status === null || status.njsNumber < LEAST_NJS) {
      throw new Error(`njs ${status?.njs ?? "of unknown version"} is older than 1.0.1 and can fail open`);
    }
    this.#incarnation = status.incarnation;
  }

  async #learnIncarnation(): Promise<void> {
    const status = await readStatus(this.#value("STATUS_LISTEN"), PROBE_DEADLINE_MS);
    if (status !== null) this.#incarnation = status.incarnation;
  }

  /** Makes sure that no process of this NGINX is left; then, and only then, its incarnation can be said goodbye for. */
  async #endNginx(): Promise<void> {
    await this.#nginx?.killAll();
    this.#nginx = null;
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

  /** Renders and tests a configuration aside, then puts it in its place. */
  async #writeConfiguration(): Promise<void> {
    const template = readFileSync(this.#value("TEMPLATE"), "utf8");
    const aside = `${this.#configuration}.new`;
    this.#certificate = this.#stampCertificate(); // before it is read: a file that changes from here on is another one
    writeFileSync(aside, renderTemplate(template, renderSettings(this.#settings)));
    await testConfiguration(this.#value("NGINX_COMMAND"), aside);
    renameSync(aside, this.#configuration); // as a whole or not at all, on a full disk too
  }

  /** What tells the files of the certificate from those that take their place, through symbolic links as Kubernetes makes them. */
  #stampCertificate(): string {
    const stamps = ["TLS_CERT_FILE", "TLS_KEY_FILE"].map(name => {
      try {
        const { ino, mtimeMs, size } = statSync(this.#value(name));
        return `${ino} ${mtimeMs} ${size}`;
      } catch {
        return ""; // there is none, or not now
      }
    });
    return stamps.join();
  }

  #readEndOfErrorLog(): string {
    try {
      return readFileSync(this.#value("ERROR_LOG"), "utf8").trim().split("\n").slice(-5).join(" | ");
    } catch (error) {
      return messageOf(error);
    }
  }

  #value(name: string): string {
    return this.#settings[`LINKGATE_${name}`] ?? "";
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
