import type { FastifyPluginAsync } from "fastify";
import type { OpenDatabase } from "../database/open.ts";

export interface FeedOptions {
  readonly database: OpenDatabase;
  /** JSON `{ "<gate name>": ["<sha256 hex of token>", ...at most two] }`; read again when it changes. */
  readonly tokensFile: string;
}

/** `GET /gate/v1/changes`. Register it on a Fastify instance with its own listener. */
export const feedRoutes: FastifyPluginAsync<FeedOptions> = async (_app, _options) => {};
