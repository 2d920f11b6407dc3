import type { StackDescription } from "../stack/stack-file.ts";
import type { Customer } from "./customer.ts";
import type { Expectation } from "./gate-client.ts";

/** What the steps of one telling share. */
export interface StoryContext {
  stack: StackDescription;
  /** May do everything in the subscription. */
  contributor: Customer;
  /** May create endpoints, but approve none. */
  network: Customer;
  /** The two tenants. */
  first: string;
  second: string;
  /** Link address of each tenant's endpoint, once there is one. */
  links: Map<string, Link>;
}

export interface Link {
  linkIdentifier: string;
  linkAddress: string;
  privateAddress: string;
  /** `{pe}.{guid}`. */
  privateEndpointConnection: string;
}

/** A step at ARM or NRP; it throws where it does not go as it should. */
export interface ControlStep {
  kind: "control";
  /** @returns the HTTP status that a customer saw. */
  run(context: StoryContext): Promise<number>;
  status: number;
  meaning(context: StoryContext): string;
}

/** A tenant's request, from a link address or a public one. */
export interface RequestStep {
  kind: "request";
  /** The account whose private host is asked. */
  to(context: StoryContext): string;
  /** Text of the source address. */
  from(context: StoryContext): string;
  path: string;
  /** Whether a link address is dialled; only then there is a direct way. */
  throughLink: boolean;
  expected: Expectation;
  /** `privateip:linkid` that the account's service must have been told; undefined where none is. */
  client?(context: StoryContext): string;
  meaning(context: StoryContext): string;
}

export type Step = ControlStep | RequestStep;

/** The same place in the same network, but another link. */
const makeUp = (linkAddress: string): string => linkAddress.replace(/^fd40:[^:]+:[^:]+/, "fd40:dead:31");
const deny = (reason: string): Expectation => ({ verdict: "deny", status: 403, reason });
const allow = (reason: string): Expectation => ({ verdict: "allow", status: 200, reason });

/** The story of the project, in the order in which it happens; each step says what must come of it. */
export const story: readonly Step[] = [
  {
    kind: "control",
    status: 201,
    async run(context) {
      const statuses: number[] = [];
      for (const account of [context.first, context.second]) {
        const body = { kind: "fhir-R4", location: "westus2", properties: {} };
        const created = await context.contributor.finish("PUT", accountId(context, account), body);
        expectStatus(created.status, 201);
        statuses.push(created.status);
        const { body: seen } = await context.contributor.call("GET", accountId(context, account));
        expectState((seen.properties as { provisioningState?: string }).provisioningState, "Succeeded");
      }
      return Math.max(...statuses);
    },
    meaning: context => `accounts ${context.first} and ${context.second} are created, each with its own FHIR service`,
  },
  {
    kind: "control",
    status: 201,
    async run(context) {
      const answer = await context.network.finish("PUT", endpointId(context, context.first), {
        location: "westus2",
        properties: { subnet: { id: subnetId(context, context.first) }, ...wish(context, context.first, true) },
      });
      await rememberLink(context, context.first);
      expectState(await readState(context, context.first), "Pending");
      return answer.status;
    },
    meaning: context => `${context.first}'s network asks for a private endpoint; an admin has to approve it`,
  },
  {
    kind: "request",
    to: context => context.first,
    from: context => linkOf(context, context.first).linkAddress,
    path: "/Patient",
    throughLink: true,
    expected: deny("private-link-not-enabled"),
    meaning: () => "the endpoint is Pending: its link is worth nothing yet",
  },
  {
    kind: "control",
    status: 200,
    async run(context) {
      const { privateEndpointConnection } = linkOf(context, context.first);
      const connection = `${accountId(context, context.first)}/privateEndpointConnections/${privateEndpointConnection}`;
      const answer = await context.contributor.finish("PUT", connection, {
        properties: { privateLinkServiceConnectionState: { status: "Approved", description: "Known to us" } },
      });
      expectState(await readState(context, context.first), "Approved");
      return answer.status;
    },
    meaning: context => `an admin of ${context.first} approves the endpoint`,
  },
  {
    kind: "request",
    to: context => context.first,
    from: context => linkOf(context, context.first).linkAddress,
    path: "/Patient",
    throughLink: true,
    expected: allow("private-link"),
    client: context => clientOf(context, context.first),
    meaning: context =>
      `the same request is answered by ${context.first}'s service, told ${clientOf(context, context.first)}`,
  },
  {
    kind: "request",
    to: context => context.second,
    from: context => linkOf(context, context.first).linkAddress,
    path: "/Patient",
    throughLink: true,
    expected: deny("private-link-not-enabled"),
    meaning: context => `${context.first}'s link opens nothing at ${context.second}`,
  },
  {
    kind: "request",
    to: context => context.first,
    from: context => makeUp(linkOf(context, context.first).linkAddress),
    path: "/Patient",
    throughLink: true,
    expected: deny("link-id-mismatch"),
    meaning: context => `a made-up link opens nothing at ${context.first}`,
  },
  {
    kind: "control",
    status: 403,
    async run(context) {
      const answer = await context.network.call("PUT", endpointId(context, context.second), {
        location: "westus2",
        properties: { subnet: { id: subnetId(context, context.second) }, ...wish(context, context.second, false) },
      });
      expectState((answer.body.error as { code?: string }).code, "LinkedAuthorizationFailed");
      return answer.status;
    },
    meaning: context => `who may not approve at ${context.second} gets no endpoint that is approved automatically`,
  },
  {
    kind: "control",
    status: 201,
    async run(context) {
      const answer = await context.contributor.finish("PUT", endpointId(context, context.second), {
        location: "westus2",
        properties: { subnet: { id: subnetId(context, context.second) }, ...wish(context, context.second, false) },
      });
      await rememberLink(context, context.second);
      expectState(await readState(context, context.second), "Approved");
      return answer.status;
    },
    meaning: context => `a second endpoint, for ${context.second}, by one who may: approved automatically`,
  },
  {
    kind: "request",
    to: context => context.second,
    from: context => linkOf(context, context.second).linkAddress,
    path: "/Patient",
    throughLink: true,
    expected: allow("private-link"),
    client: context => clientOf(context, context.second),
    meaning: context => `${context.second}'s own service answers, told ${clientOf(context, context.second)}`,
  },
  {
    kind: "request",
    to: context => context.first,
    from: context => linkOf(context, context.second).linkAddress,
    path: "/Patient",
    throughLink: true,
    expected: deny("link-id-mismatch"),
    meaning: context => `the other tenant's link, approved as it is, opens nothing at ${context.first}`,
  },
  {
    kind: "request",
    to: context => context.first,
    from: () => "203.0.113.7",
    path: "/health/check",
    throughLink: false,
    expected: allow("health-check"),
    meaning: () => "the health check is let through, wherever it comes from",
  },
  {
    kind: "control",
    status: 202,
    async run(context) {
      const answer = await context.network.finish("DELETE", endpointId(context, context.first));
      const { status } = await context.network.call("GET", endpointId(context, context.first));
      expectStatus(status, 404);
      return answer.status;
    },
    meaning: context => `${context.first}'s endpoint is deleted, which has ended only when no gate admits it`,
  },
  {
    kind: "request",
    to: context => context.first,
    from: context => linkOf(context, context.first).linkAddress,
    path: "/Patient",
    throughLink: true,
    expected: deny("private-link-not-enabled"),
    meaning: () => "its request is denied again, from the first one on",
  },
];

function accountId({ stack: { arm } }: StoryContext, account: string): string {
  return `${groupId(arm)}/providers/Microsoft.HealthcareApis/services/${account}`;
}

function endpointId({ stack: { arm } }: StoryContext, account: string): string {
  return `${groupId(arm)}/providers/Microsoft.Network/privateEndpoints/${account}-endpoint`;
}

function subnetId({ stack: { arm } }: StoryContext, account: string): string {
  return `${groupId(arm)}/providers/Microsoft.Network/virtualNetworks/${account}-network/subnets/default`;
}

function groupId(arm: StackDescription["arm"]): string {
  return `/subscriptions/${arm.subscriptionId}/resourceGroups/${arm.resourceGroup}`;
}

function wish(context: StoryContext, account: string, manual: boolean): Record<string, unknown> {
  const properties = {
    privateLinkServiceId: accountId(context, account),
    groupIds: ["fhir"],
    ...(manual ? { requestMessage: "Our application needs it." } : {}),
  };
  const list = manual ? "manualPrivateLinkServiceConnections" : "privateLinkServiceConnections";
  return { [list]: [{ name: "connection", properties }] };
}

async function rememberLink(context: StoryContext, account: string): Promise<void> {
  const { body } = await context.network.call("GET", `${endpointId(context, account)}/sandboxLinks`);
  const [link] = body.value as Link[];
  if (!link) throw new Error(`${account}'s endpoint has no link.`);
  context.links.set(account, link);
}

function linkOf(context: StoryContext, account: string): Link {
  const link = context.links.get(account);
  if (!link) throw new Error(`The story has given ${account} no endpoint yet.`);
  return link;
}

function clientOf(context: StoryContext, account: string): string {
  const { privateAddress, linkIdentifier } = linkOf(context, account);
  return `${privateAddress}:${linkIdentifier}`;
}

/** The state of an endpoint's connection as its owner sees it at NRP. */
async function readState(context: StoryContext, account: string): Promise<string | undefined> {
  const { body } = await context.network.call("GET", endpointId(context, account));
  const properties = body.properties as Record<string, ConnectionView[] | undefined>;
  const all = [
    ...(properties.privateLinkServiceConnections ?? []),
    ...(properties.manualPrivateLinkServiceConnections ?? []),
  ];
  return all[0]?.properties.privateLinkServiceConnectionState.status;
}

interface ConnectionView {
  properties: { privateLinkServiceConnectionState: { status: string } };
}

function expectStatus(seen: number, wanted: number): void {
  if (seen !== wanted) throw new Error(`HTTP status ${seen} instead of ${wanted}`);
}

function expectState(seen: string | undefined, wanted: string): void {
  if (seen !== wanted) throw new Error(`${seen} instead of ${wanted}`);
}
