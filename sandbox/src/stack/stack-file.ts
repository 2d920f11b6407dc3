import {
  type Application,
  apiName,
  apiRegistration,
  findApplication,
  nrpAppId,
  portalClientId,
  subscriptionId,
  tenantId,
} from "../authority/applications.ts";
import type { Person } from "../authority/people.ts";
import { resourceGroup } from "../services.ts";
import type { Ground } from "./ground.ts";
import { directHost, type GateName, zone } from "./settings.ts";

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

export interface StackFacts {
  ground: Ground;
  armUrl: string;
  authorityUrl: string;
  fhirUrl: string;
  /** What the api's ready line says. */
  api: { armUrl: string; adminUrl: string; feedUrl: string };
  /** Whether the portal is served, on the authority's origin. */
  hasPortal: boolean;
}

/** Composes what `stack.json` says. */
export function describeStack({ ground, api, ...facts }: StackFacts): StackDescription {
  const { certificates, applications, people, ports, paths, tokens } = ground;
  const { caFile, arm } = certificates;
  const gate = (direct: number, proxy: number, accessLog: string) => ({
    httpUrl: `http://${directHost()}:${direct}`,
    proxyProtocolAddress: `127.0.0.1:${proxy}`,
    accessLog,
  });
  return {
    ready: true,
    arm: {
      url: facts.armUrl,
      caFile,
      authority: facts.authorityUrl,
      tenantId,
      subscriptionId,
      resourceGroup,
      clients: describeClients(applications),
    },
    rp: {
      url: api.armUrl,
      caFile,
      armCertFile: arm.certificateFile,
      armKeyFile: arm.keyFile,
      nrpAppId,
      nrpAppSecret: findApplication(applications, "nrp").secret,
      adminUrl: api.adminUrl,
    },
    gates: {
      nginx: gate(ports.direct, ports.proxy, paths.accessLog),
      envoy: gate(ports.envoyDirect, ports.envoyProxy, paths.envoyAccessLog),
    },
    feed: { url: api.feedUrl, tokens: { nginx: tokens.nginx.token, envoy: tokens.envoy.token } },
    upstream: { url: facts.fhirUrl },
    portal: describePortal(facts.hasPortal ? facts.authorityUrl : undefined, people),
    zone,
  };
}

const hidden = ["nrp", apiName, apiRegistration];

/** The applications as a customer's clients; NRP's own and the api's are no customer's. */
function describeClients(applications: readonly Application[]): StackDescription["arm"]["clients"] {
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
function describePortal(url: string | undefined, people: readonly Person[]): StackDescription["portal"] {
  const entries = people.map(({ key, userName, password }) => [key, { user: userName, password }]);
  return { ...(url === undefined ? {} : { url }), clientId: portalClientId, people: Object.fromEntries(entries) };
}
