import Fastify from "fastify";
import type { Access } from "../../../src/admin/access/register.ts";
import { adminRoutes } from "../../../src/admin/routes.ts";
import type { OpenDatabase } from "../../../src/database/open.ts";

export interface AdminRoute {
  readonly method: string;
  /** Below `/admin/v1/`, as Fastify writes it. */
  readonly path: string;
  readonly access: Access | undefined;
}

/** Every route of the admin API, from the app itself, so that a new one can't be forgotten. */
export async function listAdminRoutes(): Promise<readonly AdminRoute[]> {
  const routes: AdminRoute[] = [];
  const app = Fastify({ exposeHeadRoutes: false });
  app.addHook("onRoute", ({ method, url, config }) => {
    routes.push({ method: String(method), path: url.replace("/admin/v1/", ""), access: config?.access });
  });
  await app.register(adminRoutes, {
    database: {} as OpenDatabase,
    tokens: { issuers: ["i"], audiences: ["a"], jwksUrl: "https://localhost/keys", tenantId: "t", scope: "s" },
    ...{ onBehalfOf: undefined, nrp: undefined, zones: [], maxConnections: 1 },
  });
  await app.ready();
  await app.close();
  return routes;
}

/** What a route needs to be called about one connection. */
export function fillIn(path: string, account: string, name: string): string {
  return path.replace(":account", account).replace(":name", name).replace(":incarnation", "0".repeat(32));
}

/** A body that the route takes. */
export function bodyFor({ method, path }: AdminRoute, account: string, name: string): object | undefined {
  if (method !== "POST") return undefined;
  return path === "decisions" ? { action: "approve", comment: "x", connections: [{ account, name }] } : {};
}
