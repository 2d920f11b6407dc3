export interface EmbeddedPostgresOptions {
  /** Folder that holds everything of this server; made when missing. */
  readonly dataDir: string;
  /** TCP port on 127.0.0.1; without it the one used last in this folder, or a free one. */
  readonly port?: number;
}

export interface EmbeddedPostgres {
  /** `postgres://linkgate:<password>@127.0.0.1:<port>/postgres`. */
  readonly url: string;
  readonly pid: number;
  /** Fast shutdown; resolves when the server has ended. */
  stop(): Promise<void>;
}

/** Starts a real PostgreSQL as a child process. */
export async function startEmbeddedPostgres(_options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  throw new Error("not written yet");
}
