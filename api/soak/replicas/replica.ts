import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

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
    createInterface(child.stderr).on("line", onLog);
    const ended = once(child, "exit").then(([code, signal]) => String(signal ?? code));
    const ready = once(createInterface(child.stdout), "line").then(([line]) => JSON.parse(line));
    const urls = await Promise.race([
      ready,
      ended.then(how => Promise.reject(new Error(`a replica ended with ${how} before it was ready`))),
    ]);
    const portOf = (url: string): number => Number(new URL(url).port);
    return new Replica(child, ended, { arm: portOf(urls.armUrl), feed: portOf(urls.feedUrl) });
  }

  /** Sends a signal and waits for the end. Returns the exit code, or the signal that it died of. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<string> {
    this.#child.kill(signal);
    return await this.#ended;
  }
}
