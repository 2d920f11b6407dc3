import { type ChildProcess, execFile, spawn } from "node:child_process";
import { promisify } from "node:util";

/** What the templates are written for; its predecessors don't know half of it. */
const LEAST_ENVOY = [1, 40];

/** Envoy itself: one process, its workers are threads. */
export class EnvoyProcess {
  readonly pid: number;
  /** Settles when it has ended. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.ended = new Promise(resolve => child.once("exit", () => resolve()));
  }

  /** Starts it. It ends with this process: Envoy asks the kernel for that. @throws Error when it can't be started */
  static start(command: string, args: readonly string[]): Promise<EnvoyProcess> {
    const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("spawn", () => resolve(new EnvoyProcess(child)));
    });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(name: "SIGTERM" | "SIGKILL"): void {
    if (this.isRunning) this.#child.kill(name);
  }

  /** Kills it, and waits until it has ended. */
  async killAll(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }
}

/** Checks a bootstrap with Envoy's own `--mode validate`. @throws Error with what Envoy says against it */
export async function validateBootstrap(command: string, file: string): Promise<void> {
  try {
    await promisify(execFile)(command, ["--mode", "validate", "-c", file, "-l", "error", "--use-dynamic-base-id"]);
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new Error(stderr?.trim() || message);
  }
}

/** @throws Error when this Envoy can't be run, or is older than 1.40 */
export async function checkEnvoyVersion(command: string): Promise<string> {
  const { stdout } = await promisify(execFile)(command, ["--version"]);
  const [, version = "", major, minor] = /\/((\d+)\.(\d+)\.\d+)\//.exec(stdout) ?? [];
  const isOlder = Number(major) === LEAST_ENVOY[0] ? Number(minor) < (LEAST_ENVOY[1] ?? 0) : !(Number(major) > 1);
  if (isOlder) throw new Error(`${command} is no Envoy ${LEAST_ENVOY.join(".")} or newer: ${stdout.trim()}`);
  return version;
}
