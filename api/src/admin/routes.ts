import type { FastifyPluginAsync } from "fastify";
import type { OpenDatabase } from "../database/open.ts";

export interface AdminOptions {
  readonly database: OpenDatabase;
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
}

/** `GET /admin/v1/gates` and `POST /admin/v1/gates/{incarnation}/retire`. */
export const adminRoutes: FastifyPluginAsync<AdminOptions> = async (_app, _options) => {};
