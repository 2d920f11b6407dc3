import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

/** The oldest NGINX whose js_access, `proxy_protocol` TLVs and keep-alive times the configuration relies on. */
const LEAST_NGINX = [1, 29];

/** How a command ended. */
export type Ended = { readonly code: number | null; readonly signal: string | null };

/** A running NGINX: its master, and with it a process group of its own, so that no worker can outlive it unseen. */
export class NginxProcess {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  #isEnded = false;

  private constructor(child: ChildProcess, pid: number) {
    this.pid = pid;
    this.ended = new Promise(resolve => {
      child.once("exit", (code, signal) => {
        this.#isEnded = true;
        resolve({ code, signal });
      });
    });
  }

  /**
   * Starts NGINX in the foreground.
   * @param command with its arguments, as in `LINKGATE_NGINX_COMMAND`
   * @param name what its status page shall call it
   * @throws Error when the command can't be started
   */
  static start(command: string, errorLog: string, configuration: string, name: string): Promise<NginxProcess> {
    const [file, ...args] = splitCommand(command);
    const child = spawn(file, [...args, "-e", errorLog, "-c", configuration], {
      stdio: ["ignore", "ignore", "inherit"],
      detached: true,
      env: { ...process.env, LINKGATE_LAUNCH: name },
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("spawn", () => resolve(new NginxProcess(child, child.pid ?? 0)));
    });
  }

  get isRunning(): boolean {
    return !this.#isEnded;
  }

  /** Signals the master. */
  signal(name: "SIGHUP" | "SIGQUIT"): void {
    if (this.isRunning) process.kill(this.pid, name);
  }

  /** Kills the master and every worker, and waits until the last of them is gone. */
  async killAll(): Promise<void> {
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // ESRCH: nobody is left
    }
    while (isGroupAlive(this.pid)) await delay(10);
  }
}

/**
 * Checks a configuration with NGINX's own `-t`.
 * @throws Error with what NGINX says against it
 */
export async function testConfiguration(command: string, configuration: string): Promise<void> {
  const [file, ...args] = splitCommand(command);
  try {
    await promisify(execFile)(file, [...args, "-t", "-q", "-e", "stderr", "-c", configuration]);
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new Error(stderr?.trim() || message);
  }
}

/** @throws Error when this NGINX can't be run, or is older than 1.29 */
export async function checkNginxVersion(command: string): Promise<string> {
  const [file, ...args] = splitCommand(command);
  const { stderr } = await promisify(execFile)(file, [...args, "-v"]);
  const version = readNginxVersion(stderr);
  if (version === null) throw new Error(`${command} -v does not say which NGINX it is: ${stderr.trim()}`);
  return version;
}

/** The version in the output of `nginx -v`; null if there is none. @throws Error when it is older than 1.29 */
export function readNginxVersion(output: string): string | null {
  const match = /nginx\/((\d+)\.(\d+)\.\d+)/.exec(output);
  if (match === null) return null;
  const [, version = "", major, minor] = match;
  const isOlder = Number(major) < 1 || (Number(major) === 1 && Number(minor) < (LEAST_NGINX[1] ?? 0));
  if (isOlder) throw new Error(`NGINX ${version} is older than ${LEAST_NGINX.join(".")}`);
  return version;
}

/** A path, which may have blanks, or a command with arguments. */
function splitCommand(command: string): [file: string, ...args: string[]] {
  if (existsSync(command)) return [command];
  const [file = "", ...args] = command.split(" ");
  return [file, ...args];
}

/** True while a process of the group runs. Zombies don't count: whoever inherits them may never reap them. */
function isGroupAlive(group: number): boolean {
  return readdirSync("/proc").some(name => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, , groupOf] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(groupOf) === group && state !== "Z" && state !== "X";
    } catch {
      return false; // ended in between
    }
  });
}
