import { type Application, apiName } from "../authority/applications.ts";
import type { GateName } from "./settings.ts";

/** What `stack.json` says of a running stack: other people's tools read it (design 7). */
export interface StackDescription {
  ready: true;
  /** What a customer's client needs. */
  arm: {
    url: string;
    caFile: string;
    authority: string;
    tenantId: string;
    subscriptionId: string;
    resourceGroup: string;
    clients: Record<string, { clientId: string; clientSecret: string; roles: string[] }>;
  };
  /** What lets a test be ARM. */
  rp: { url: string; caFile: string; armCertFile: string; armKeyFile: string; nrpAppId: string; adminUrl: string };
  gates: Record<GateName, { httpUrl: string; proxyProtocolAddress: string; accessLog: string }>;
  feed: { url: string; tokens: Record<string, string> };
  upstream: { url: string };
  zone: { private: string; public: string };
}

/** The applications as a customer's clients; NRP's own and the api's are nobody's to use. */
export function describeClients(applications: readonly Application[]): StackDescription["arm"]["clients"] {
  return Object.fromEntries(
    applications
      .filter(application => application.name !== "nrp" && application.name !== apiName)
      .map(({ name, clientId, secret, assignments, appRoles }) => [
        name,
        { clientId, clientSecret: secret, roles: [...assignments.map(one => one.role), ...appRoles] },
      ]),
  );
}
