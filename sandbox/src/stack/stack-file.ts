import { type Application, apiName, apiRegistration, portalClientId } from "../authority/applications.ts";
import type { Person } from "../authority/people.ts";
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
  /** What lets a test be ARM, or NRP. */
  rp: {
    url: string;
    caFile: string;
    armCertFile: string;
    armKeyFile: string;
    /** With its secret a test can be NRP, through ARM. */
    nrpAppId: string;
    nrpAppSecret: string;
    adminUrl: string;
  };
  gates: Record<GateName, { httpUrl: string; proxyProtocolAddress: string; accessLog: string }>;
  feed: { url: string; tokens: Record<string, string> };
  upstream: { url: string };
  /** Who can sign in with a browser, and as which application. */
  portal: { url?: string; clientId: string; people: Record<string, { user: string; password: string }> };
  zone: { private: string; public: string };
}

const hidden = ["nrp", apiName, apiRegistration];

/** The applications as a customer's clients; NRP's own and the api's are no customer's. */
export function describeClients(applications: readonly Application[]): StackDescription["arm"]["clients"] {
  return Object.fromEntries(
    applications
      .filter(application => !hidden.includes(application.name))
      .map(({ name, clientId, secret, grants, appRoles }) => [
        name,
        { clientId, clientSecret: secret, roles: [...grants.map(one => one.role), ...appRoles] },
      ]),
  );
}

/** Where the portal is, if it is served, and the people with their passwords. */
export function describePortal(url: string | undefined, people: readonly Person[]): StackDescription["portal"] {
  const entries = people.map(({ key, userName, password }) => [key, { user: userName, password }]);
  return { ...(url === undefined ? {} : { url }), clientId: portalClientId, people: Object.fromEntries(entries) };
}
