import type { FastifyPluginAsync } from "fastify";
import type { Zone } from "../arm/context.ts";
import type { OpenDatabase } from "../database/open.ts";
import type { NrpClient } from "../nrp/client.ts";
import { createPermissions } from "./access/permissions.ts";
import { registerAccess } from "./access/register.ts";
import type { TokenRules } from "./access/tokens.ts";
import { createVisibilityFinder } from "./access/visibility.ts";
import { registerAccounts } from "./accounts/routes.ts";
import { createArmClient } from "./arm/client.ts";
import { createOnBehalfOf, type OnBehalfOfOptions } from "./arm/on-behalf-of.ts";
import { registerChanges } from "./changes/routes.ts";
import { registerConnections } from "./connections/routes.ts";
import type { AdminContext, Azure } from "./context.ts";
import { registerCounts } from "./counts/routes.ts";
import { registerDecisions } from "./decisions/routes.ts";
import { registerErrors } from "./errors.ts";
import { registerGates } from "./gates/routes.ts";
import { registerHeaders } from "./headers.ts";
import { registerHistory } from "./history/routes.ts";
import { registerRegistry } from "./registry/routes.ts";

export interface AdminOptions {
  readonly database: OpenDatabase;
  readonly tokens: TokenRules;
  /** Undefined where the api is not told how to ask ARM in people's names: then only platform engineers have routes. */
  readonly onBehalfOf: (Omit<OnBehalfOfOptions, "tenantId"> & { readonly armUrl: string }) | undefined;
  /** Undefined where the api can't reach NRP, by configuration. */
  readonly nrp: NrpClient | undefined;
  readonly zones: readonly Zone[];
  readonly maxConnections: number;
}

/**
 * The admin API (design 5 "Approving"): people see what ARM says they may, and decide by having ARM decide; platform
 * engineers retire gates and release the registry. It has no cookies, so no other site's page can act through a browser.
 */
export const adminRoutes: FastifyPluginAsync<AdminOptions> = async (app, options) => {
  const { database, zones, maxConnections, nrp } = options;
  const context: AdminContext = { database, zones, maxConnections, azure: reachAzure(options) };
  registerHeaders(app);
  registerErrors(app);
  registerAccess(app, options.tokens);
  registerAccounts(app, context);
  registerConnections(app, context);
  registerDecisions(app, context);
  registerHistory(app, context);
  registerGates(app, context);
  registerCounts(app, context);
  registerChanges(app, context);
  registerRegistry(app, context, nrp);
};

function reachAzure({ database: { db }, tokens, onBehalfOf }: AdminOptions): Azure | undefined {
  if (onBehalfOf === undefined) return undefined;
  const { armUrl } = onBehalfOf;
  const exchange = createOnBehalfOf(
    { ...onBehalfOf, tenantId: tokens.tenantId },
    `${armUrl.replace(/\/+$/, "")}/.default`,
  );
  const arm = createArmClient(armUrl, exchange);
  const permissions = createPermissions(arm);
  return { arm, permissions, findVisibility: createVisibilityFinder({ db, arm, permissions }) };
}
