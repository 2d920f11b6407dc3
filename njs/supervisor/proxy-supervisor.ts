import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sayGoodbye } from "./goodbye.ts";
import type { SettingValues } from "./setting.ts";
import { type GateStatus, isLive, readStatus } from "./status-client.ts";

const START_DEADLINE_MS = 60_000;
const PROBE_EVERY_MS = 1000;
/**
 * How long the status listener gets for an answer, in milliseconds. A proxy that has stood still because its machine did is not
 * wedged: to kill it would end every connection, and load the table anew where there is least time for that.
 */
export const PROBE_DEADLINE_MS = 10_000;
const PROBES_MISSED = 3;
const LONGEST_PAUSE_MS = 5000;

/** Writes one object and one short sentence. */
export type Log = (level: "info" | "warn" | "error", text: string, details?: object) => void;

/** One life of a proxy. */
export interface ProxyProcess {
  readonly pid: number;
  readonly isRunning: boolean;
  /** Settles when it has ended. */
  readonly ended: Promise<unknown>;
  /** Kills every process of it, and waits until the last of them is gone. */
  killAll(): Promise<void>;
}

/**
 * Runs a proxy: starts it, restarts it when it has died or is wedged, stops it, and says goodbye for each incarnation that has
 * ended (feed rules 11 and 22). What differs from proxy to proxy is told by a class of its own for each.
 */
export abstract class ProxySupervisor<P extends ProxyProcess = ProxyProcess> {
  protected readonly settings: SettingValues;
  protected readonly log: Log;
  /** The proxy's name, for people. */
  protected abstract readonly name: string;
  #proxy: P | null = null;
  #launch = "";
  #incarnation = "";
  #isStopping = false;
  #starting: Promise<void> = Promise.resolve();
  #watching: Promise<void> = Promise.resolve();
  #goodbyes: Promise<void>[] = [];

  constructor(settings: SettingValues, log: Log) {
    this.settings = settings;
    this.log = log;
  }

  /** Checks the proxy's version and writes its configuration. @returns the version @throws Error with what is wrong */
  protected abstract prepare(): Promise<string>;
  /** Starts a process. It need not answer yet. @param name what its status page shall call it */
  protected abstract launch(name: string): Promise<P>;
  /** The incarnation of a proxy that was launched, once it answers; "" before. @throws Error when it never will */
  protected abstract findIncarnation(): Promise<string>;
  /** Called every second while the proxy runs: hands it what has changed in the files that it was given. Never throws. */
  protected abstract renew(): Promise<void>;
  /** Asks the proxy to end when its requests have. @returns how many milliseconds it gets for that from now on */
  protected abstract letEnd(proxy: P): Promise<number>;

  /** Renders the configuration again and lets the proxy read it. A bad one changes nothing. @returns whether it was taken */
  abstract reload(): Promise<boolean>;

  /** The proxy's process id, of its master if it has one; 0 while there is none. */
  get pid(): number {
    return this.#proxy?.pid ?? 0;
  }

  /**
   * Starts the proxy and waits until it answers; from then on it is kept running.
   * @throws Error when the configuration is refused, the proxy is too old, or it does not answer within a minute
   */
  async start(): Promise<void> {
    mkdirSync(this.value("RUN_DIR"), { recursive: true });
    const version = await this.prepare();
    await this.#startProxy();
    this.log("info", `${this.name} is up`, { version, pid: this.pid, incarnation: this.#incarnation });
    this.#watching = this.#watch();
  }

  /** Lets the proxy finish its requests, waits for its end, and says goodbye. Kills what does not end in time. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const proxy = this.#proxy;
    if (proxy !== null) {
      const limitMs = await this.letEnd(proxy);
      await Promise.race([proxy.ended, delay(limitMs, null, { ref: false })]);
    }
    await this.#watching;
    await this.#endProxy();
    await Promise.all(this.#goodbyes);
  }

  /** The process of now, if there is one. */
  protected get proxy(): P | null {
    return this.#proxy;
  }

  /**
   * Reads the status page; null when it can't be had, or is another process's. Where two gates were given one address, the other
   * one's incarnation is not ours to say goodbye for: it still admits (feed rule 22).
   */
  protected async readOwnStatus(): Promise<GateStatus | null> {
    const status = await readStatus(this.value("STATUS_LISTEN"), PROBE_DEADLINE_MS);
    return status?.launch === this.#launch ? status : null;
  }

  /** Settles when no process is on its way up: what is not up yet may end of a signal that it would obey later. */
  protected async whenStarted(): Promise<void> {
    await this.#starting.catch(() => {}); // whoever started it is told
  }

  /** A setting's value. @param name without `LINKGATE_` */
  protected value(name: string): string {
    return this.settings[`LINKGATE_${name}`] ?? "";
  }

  /** A file of the gate's own folder. */
  protected path(name: string): string {
    return join(this.value("RUN_DIR"), name);
  }

  protected readEndOfErrorLog(): string {
    try {
      return readFileSync(this.value("ERROR_LOG"), "utf8").trim().split("\n").slice(-5).join(" | ");
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Restarts the proxy when it ends, or when it does not answer three probes in a row. */
  async #watch(): Promise<void> {
    let missed = 0;
    while (!this.#isStopping) {
      const proxy = this.#proxy;
      if (proxy?.isRunning) {
        await Promise.race([proxy.ended, delay(PROBE_EVERY_MS)]);
        if (this.#isStopping) return;
        await this.renew();
      }
      if (proxy?.isRunning) {
        missed = (await isLive(this.value("STATUS_LISTEN"), PROBE_DEADLINE_MS)) ? 0 : missed + 1;
        if (missed === 0) await this.#learnIncarnation();
        if (missed < PROBES_MISSED) continue;
      }
      if (this.#isStopping) return;
      missed = 0;
      await this.#restart(proxy?.isRunning ? "is wedged" : "has ended");
    }
  }

  async #restart(why: string): Promise<void> {
    this.log("error", `${this.name} ${why}; it is started again`, { pid: this.pid });
    await this.#endProxy();
    for (let pause = 100; !this.#isStopping; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        await this.#startProxy();
        this.log("info", `${this.name} is up again`, { pid: this.pid, incarnation: this.#incarnation });
        return;
      } catch (error) {
        this.log("error", `${this.name} could not be started`, { reason: messageOf(error), pauseMs: pause });
        await delay(pause);
      }
    }
  }

  #startProxy(): Promise<void> {
    this.#starting = this.#launchAndWait();
    return this.#starting;
  }

  async #launchAndWait(): Promise<void> {
    this.#launch = randomUUID();
    const proxy = await this.launch(this.#launch);
    this.#proxy = proxy;
    try {
      await this.#waitUntilUp(proxy);
    } catch (error) {
      await this.#endProxy();
      throw error;
    }
  }

  async #waitUntilUp(proxy: P): Promise<void> {
    const deadline = Date.now() + START_DEADLINE_MS;
    for (;;) {
      this.#incarnation = await this.findIncarnation();
      if (this.#incarnation !== "") return;
      const saying = () => `its log says: ${this.readEndOfErrorLog()}`;
      if (!proxy.isRunning) throw new Error(`${this.name} has ended; ${saying()}`);
      if (Date.now() > deadline) throw new Error(`${this.name} does not answer; ${saying()}`);
      await Promise.race([proxy.ended, delay(20)]);
    }
  }

  /** A reload may have given the proxy another one. */
  async #learnIncarnation(): Promise<void> {
    const status = await this.readOwnStatus();
    if (status !== null && status.incarnation !== "") this.#incarnation = status.incarnation;
  }

  /** Makes sure that no process of this proxy is left; then, and only then, its incarnation can be said goodbye for. */
  async #endProxy(): Promise<void> {
    await this.#proxy?.killAll();
    this.#proxy = null;
    const incarnation = this.#incarnation;
    this.#incarnation = "";
    if (incarnation === "") return;
    this.#goodbyes.push(
      sayGoodbye(this.settings, incarnation).then(isTaken => {
        if (isTaken) this.log("info", "said goodbye", { incarnation });
        else this.log("warn", "the feed did not take the goodbye", { incarnation });
      }),
    );
  }
}

/** What an error says, for a log. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
