import { pino } from "pino";
import { type ArmRoute, buildArmApp } from "../../src/arm/app.ts";
import { pinCertificates } from "../../src/arm/certificates.ts";
import type { OpenDatabase } from "../../src/database/open.ts";
import { makeCertificate } from "./certificates.ts";

/** Every route of the ARM listener, from the app itself, so that a new one can't be forgotten. */
export async function listRoutes(): Promise<readonly ArmRoute[]> {
  const { app, routes } = buildArmApp({
    database: {} as OpenDatabase,
    zones: [],
    customerWrites: false,
    maxConnections: 1,
    retryAfter: 1,
    tls: await makeCertificate("routes"),
    certificates: pinCertificates([]),
    nrpAppIds: new Set(),
    log: pino({ level: "silent" }),
  });
  await app.ready();
  await app.close();
  return routes;
}

/** A path that a route's pattern matches. */
export function fillIn(pattern: string, account = "nobody"): string {
  return pattern
    .replace(":subscriptionId", "00000000-0000-0000-0000-000000000001")
    .replace(":resourceGroup", "rg")
    .replace(":account", account)
    .replace(":name", "pe1.5dc668b3-70e4-437f-b61c-a3c1e594be7a")
    .replace(":location", "westus2")
    .replace(":operation", "0a1b2c3d-0000-0000-0000-000000000000");
}
