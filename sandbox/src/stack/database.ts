import process from "node:process";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@linkgate/api";
import { untilEnded, watchProcess } from "./leftovers.ts";
import { findDatabaseHome } from "./settings.ts";

export interface DatabaseOptions {
  folder: string;
  port: number;
  /** Told with each start. */
  opened(pid: number): Promise<void>;
  /** Told when the server ends by itself. */
  ended(): void;
}

const watchIntervalMs = 500;

/** The stack's PostgreSQL, on the same port and files over restarts. */
export class StackDatabase {
  readonly #options: DatabaseOptions;
  #server: EmbeddedPostgres | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  get url(): string {
    return this.#server?.url ?? "";
  }

  async open(): Promise<void> {
    const { folder, port, opened } = this.#options;
    const server = await startEmbeddedPostgres({ dataDir: folder, port });
    this.#server = server;
    await opened(server.pid);
    this.#watch(server);
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  /** @param between what is done to the files while nobody has them open */
  async restart(how: "clean" | "kill", between?: (folder: string) => Promise<void>): Promise<void> {
    const server = this.#server;
    if (!server) return;
    if (how === "kill") {
      process.kill(server.pid, "SIGKILL");
      await untilEnded(server.pid);
    }
    await server.stop();
    await between?.(await findDatabaseHome(this.#options.folder));
    await this.open();
  }

  #watch(server: EmbeddedPostgres): void {
    const isRunning = watchProcess(server.pid);
    const timer = setInterval(() => {
      if (this.#server === server && isRunning()) return;
      clearInterval(timer);
      if (this.#server === server) this.#options.ended();
    }, watchIntervalMs);
    timer.unref();
  }
}
