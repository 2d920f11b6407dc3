import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { portalClientId, tenantId } from "../authority/applications.ts";
import { type Child, startChild } from "../stack/child.ts";
import { repository } from "../stack/settings.ts";

/** Builds the portal, unless its build is of these sources. The build script is the portal's; it is no part of what runs. */
export async function buildPortal(): Promise<boolean> {
  const script = pathToFileURL(join(repository, "portal", "build.ts")).href;
  const { buildPortal: build } = (await import(script)) as { buildPortal(): Promise<boolean> };
  return build();
}

/** Starts the portal's server on a free port of loopback. @throws Error with the end of its log when it does not come up */
export function startPortal(options: { authorityUrl: string; logFile: string; startLimitMs: number }): Promise<Child> {
  const { authorityUrl, logFile, startLimitMs } = options;
  return startChild({
    name: "The portal",
    script: join(repository, "portal", "server.ts"),
    env: {
      PATH: process.env.PATH ?? "",
      NODE_ENV: "production",
      NEXT_TELEMETRY_DISABLED: "1",
      LINKGATE_PORTAL_LISTEN: "127.0.0.1:0",
      LINKGATE_PORTAL_AUTHORITY: `${authorityUrl}/${tenantId}`,
      LINKGATE_PORTAL_CLIENT_ID: portalClientId,
    },
    logFile,
    startLimitMs,
  });
}
