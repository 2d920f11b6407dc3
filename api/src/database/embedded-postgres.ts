import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { chown, open, readdir, readFile, readlink, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findBinaries, findRunner, prepareHome, type Runner } from "./postgres-files.ts";

export interface EmbeddedPostgresOptions {
  /** Folder that holds everything of this server; made when missing. Deleting it, while stopped, starts from nothing. */
  readonly dataDir: string;
  /** TCP port on 127.0.0.1; without it the one used last in this folder if it is still free, or a free one. */
  readonly port?: number;
}

export interface EmbeddedPostgres {
  /** `postgres://linkgate:<password>@127.0.0.1:<port>/postgres`; the same after a restart on the same port. */
  readonly url: string;
  readonly pid: number;
  /** Resolves if the server ends although nobody has stopped it. */
  readonly lost: Promise<Error>;
  /** Fast shutdown; resolves when the server has ended, however it did. */
  stop(): Promise<void>;
}

/** Milliseconds. */
const START_LIMIT = 60_000;
const STOP_LIMIT = 30_000;
const LOOK_AGAIN = 20;

/**
 * Starts a real PostgreSQL as a child process, on data that survive it. It ends with this process; if this process is
 * killed outright, the next start on the same folder ends what is left of it first. Throws if another process still uses
 * the folder, or with the end of the server's log if it does not start.
 */
export async function startEmbeddedPostgres({ dataDir, port }: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const runner = findRunner();
  const server = new Server(await prepareHome(dataDir, runner), await findBinaries(runner), runner);
  await server.takeOver();
  const password = await server.initialize();
  const used = await server.start(port);
  const stopAtExit = (): void => server.stopNow();
  process.once("exit", stopAtExit);
  return {
    url: `postgres://linkgate:${password}@127.0.0.1:${used}/postgres`,
    pid: server.pid,
    lost: server.lost,
    async stop() {
      process.off("exit", stopAtExit);
      await server.stop();
    },
  };
}

class Server {
  readonly #home: string;
  readonly #data: string;
  readonly #binaries: string;
  readonly #runner: Runner | undefined;
  #child: ChildProcess | undefined;
  #isStopping = false;
  readonly #lost = Promise.withResolvers<Error>();

  constructor(home: string, binaries: string, runner: Runner | undefined) {
    this.#home = home;
    this.#data = join(home, "data");
    this.#binaries = binaries;
    this.#runner = runner;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get lost(): Promise<Error> {
    return this.#lost.promise;
  }

  /** Makes this process the one that uses the folder, and ends a server that a killed one has left behind. */
  async takeOver(): Promise<void> {
    const owner = await this.#read("owner");
    if (owner !== "" && owner !== identify(process.pid) && owner === identify(Number.parseInt(owner, 10))) {
      throw new Error(`${this.#home} is used by process ${owner.split(" ")[0]}`);
    }
    await this.#write("owner", identify(process.pid));
    const postmaster = Number.parseInt(await this.#read("data/postmaster.pid"), 10);
    const end = Date.now() + STOP_LIMIT;
    let isTold = false;
    for (let left = await findProcessesIn(this.#data); left.length > 0; left = await findProcessesIn(this.#data)) {
      if (Date.now() > end) throw new Error(`PostgreSQL does not stop: ${left.join(", ")} in ${this.#data}`);
      // Without a postmaster the others see that it is gone, and end by themselves.
      if (!isTold && left.includes(postmaster)) {
        if (owner === identify(process.pid)) throw new Error(`a server is running in ${this.#home} already`);
        process.kill(postmaster, "SIGINT");
        isTold = true;
      }
      await delay(LOOK_AGAIN);
    }
    // Nobody uses the data. A file left by a killed server may name a process that nobody has reaped, or another one's.
    await rm(join(this.#data, "postmaster.pid"), { force: true });
  }

  /** Makes the data of a new server; a run that was cut off leaves nothing behind that counts. Returns the password. */
  async initialize(): Promise<string> {
    if (existsSync(this.#data)) return this.#read("password");
    const password = randomBytes(24).toString("hex");
    await this.#write("password", password);
    const fresh = join(this.#home, "data.new");
    await rm(fresh, { recursive: true, force: true });
    const args = ["--pgdata", fresh, "--username=linkgate", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"];
    const child = this.#spawn("initdb", [...args, `--pwfile=${join(this.#home, "password")}`, "--no-instructions"]);
    const [code] = await once(child, "exit");
    if (code !== 0) throw new Error(`initdb failed (${code}):\n${await this.#readLog(0)}`);
    await rename(fresh, this.#data);
    return password;
  }

  /** Returns the port. */
  async start(wanted: number | undefined): Promise<number> {
    const end = Date.now() + START_LIMIT;
    let port = wanted ?? (Number(await this.#read("port")) || (await findFreePort()));
    for (;;) {
      const from = (await stat(join(this.#home, "postgres.log")).catch(() => ({ size: 0 }))).size;
      this.#child = this.#spawn("postgres", [
        ...["-D", this.#data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
        ...["-c", "max_connections=200", "-c", "timezone=UTC", "-c", "log_timezone=UTC"],
      ]);
      this.#child.unref(); // it must not keep this process alive; `exit` stops it
      if (await this.#becomesReady(end)) break;
      const log = await this.#readLog(from);
      const canMove = wanted === undefined && log.includes("Address already in use");
      if (!canMove || Date.now() > end) throw new Error(`PostgreSQL did not start:\n${log}`);
      port = await findFreePort();
    }
    await this.#write("port", String(port));
    this.#child?.once("exit", (code, signal) => {
      if (!this.#isStopping) this.#lost.resolve(new Error(`PostgreSQL in ${this.#home} has ended (${signal ?? code})`));
    });
    return port;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill("SIGINT"); // fast shutdown
      const killer = setTimeout(() => child.kill("SIGQUIT"), STOP_LIMIT);
      await exited;
      clearTimeout(killer);
    }
    await rm(join(this.#home, "owner"), { force: true });
  }

  /** The same, for a process that is about to exit and can wait for no event: the server deletes its file at its end. */
  stopNow(): void {
    this.#isStopping = true;
    if (this.#child?.kill("SIGINT") !== true) return;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const end = Date.now() + STOP_LIMIT;
    while (existsSync(join(this.#data, "postmaster.pid")) && Date.now() < end) Atomics.wait(pause, 0, 0, LOOK_AGAIN);
  }

  /** Its own session, so that a Ctrl-C ends the api first; its output goes to a file that nobody has to read. */
  #spawn(name: string, args: string[]): ChildProcess {
    const log = openSync(join(this.#home, "postgres.log"), "a", 0o600);
    const child = spawn(join(this.#binaries, "bin", name), args, {
      ...this.#runner,
      cwd: this.#home,
      detached: true,
      env: { LC_ALL: "C", PATH: "/usr/bin:/bin" },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    return child;
  }

  /** False if the server ended instead. */
  async #becomesReady(end: number): Promise<boolean> {
    const child = this.#child as ChildProcess;
    const failed = once(child, "error").then(([error]) => Promise.reject(error as Error));
    const looks = async (): Promise<boolean> => {
      while (child.exitCode === null && child.signalCode === null) {
        const [pid, , , , , , , status] = (await this.#read("data/postmaster.pid")).split("\n");
        if (Number(pid) === child.pid && /^(ready|standby) *$/.test(status ?? "")) return true;
        if (Date.now() > end) child.kill("SIGQUIT");
        await delay(LOOK_AGAIN);
      }
      return false;
    };
    return Promise.race([looks(), failed]);
  }

  #read(name: string): Promise<string> {
    return readFile(join(this.#home, name), "utf8").catch(() => "");
  }

  async #write(name: string, text: string): Promise<void> {
    const path = join(this.#home, name);
    await writeFile(path, text, { mode: 0o600 });
    if (this.#runner !== undefined) await chown(path, this.#runner.uid, this.#runner.gid);
  }

  async #readLog(from: number): Promise<string> {
    const file = await open(join(this.#home, "postgres.log"));
    try {
      const { buffer, bytesRead } = await file.read({ position: from, buffer: Buffer.alloc(64 * 1024) });
      return buffer.toString("utf8", 0, bytesRead);
    } finally {
      await file.close();
    }
  }
}

/** Process id and start time: the id alone may belong to another process by now. */
function identify(pid: number): string {
  try {
    const afterName = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "";
    return `${pid} ${afterName.split(" ")[19]}`;
  } catch {
    return `${pid} ended`;
  }
}

/** The live processes whose working directory is that folder; a server's processes all run in that of its data. */
async function findProcessesIn(folder: string): Promise<number[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter(name => /^\d+$/.test(name)).map(Number);
  const folders = await Promise.all(pids.map(pid => readlink(`/proc/${pid}/cwd`).catch(() => "")));
  return pids.filter((_, index) => folders[index] === folder);
}

/** Below those that Linux gives to outgoing connections and to listeners that ask for any: nobody is given it while the server restarts. */
const PORTS = { from: 20_000, to: 32_768 };

async function findFreePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${PORTS.from} to ${PORTS.to - 1}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  const isListening = await once(server, "listening").then(
    () => true,
    () => false,
  );
  server.close();
  return isListening;
}
