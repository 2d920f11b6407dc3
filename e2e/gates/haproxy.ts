import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePorts } from "@linkgate/njs/testing";
import { until } from "../../njs/test/support/until.ts";

const COMMAND = join(import.meta.dirname, "../../.cache/haproxy/bin/haproxy");

/** Why there is none; null if there is one. */
export const whyNoHaproxy = existsSync(COMMAND) ? null : "setup could not get HAProxy";

/** How HAProxy hands connections on, by a name of letters and hyphens: lines of its configuration, where `GATE` stands for the gate. */
export type Rules = Readonly<Record<string, readonly string[]>>;

/** A load balancer that nobody here wrote, in front of a gate. Each rule listens on a port of its own on 127.0.0.1. */
export class Haproxy {
  readonly #child: ChildProcess;
  readonly #dir: string;
  readonly #ports: Readonly<Record<string, number>>;

  private constructor(child: ChildProcess, dir: string, ports: Readonly<Record<string, number>>) {
    this.#child = child;
    this.#dir = dir;
    this.#ports = ports;
  }

  /**
   * @param gatePort of the listener for PROXY protocol on 127.0.0.1
   * @param files written beside the configuration; `DIR` in a rule stands for the folder
   * @throws Error with what HAProxy said when it does not come up
   */
  static async start(gatePort: number, rules: Rules, files: Readonly<Record<string, string>> = {}): Promise<Haproxy> {
    const dir = mkdtempSync(join(tmpdir(), "lg-ha-"));
    const names = Object.keys(rules);
    const free = await findFreePorts(names.length);
    const ports = Object.fromEntries(names.map((name, at) => [name, free[at] ?? 0]));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    const proxies = names.map(name => [
      `listen ${name}`,
      `  bind 127.0.0.1:${ports[name]}`,
      ...(rules[name] ?? []).map(
        line => `  ${line.replaceAll("GATE", `127.0.0.1:${gatePort}`).replaceAll("DIR", dir)}`,
      ),
    ]);
    const timeouts = ["connect", "client", "server"].map(which => `  timeout ${which} 300s`);
    const text = [["global"], ["defaults", "  mode tcp", ...timeouts], ...proxies].flat().join("\n");
    writeFileSync(join(dir, "haproxy.cfg"), `${text}\n`);
    const child = spawn(COMMAND, ["-db", "-f", join(dir, "haproxy.cfg")], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", more => {
        said += more;
      });
    const haproxy = new Haproxy(child, dir, ports);
    try {
      await until(
        () => {
          if (child.exitCode !== null) throw new Error(`HAProxy ended: ${said}`);
          return isListening(free[0] ?? 0);
        },
        () => `HAProxy does not listen: ${said}`,
      );
    } catch (error) {
      await haproxy.stop();
      throw error;
    }
    return haproxy;
  }

  /** Where the rule of that name listens. */
  endpoint(name: string): { host: string; port: number } {
    return { host: "127.0.0.1", port: this.#ports[name] ?? 0 };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await ended;
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
