import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { armErrors } from "./errors.ts";
import { readJson } from "./json-body.ts";
import type { ProviderHop } from "./provider-hop.ts";
import { sameName } from "./resource-path.ts";

/** What ARM tells its providers of a subscription (ARM contract 4.9), and how it shows itself then. */
const shownAs = {
  Registered: { state: "Enabled", registration: "Registered" },
  Unregistered: { state: "Enabled", registration: "NotRegistered" },
  Warned: { state: "Warned", registration: "Registered" },
  Suspended: { state: "Disabled", registration: "Registered" },
  Deleted: { state: "Deleted", registration: "NotRegistered" },
} as const;

export type SubscriptionState = keyof typeof shownAs;

export interface Subscription {
  id: string;
  name: string;
  tenantId: string;
  state: SubscriptionState;
  /** RFC 1123, as providers get it. */
  registrationDate: string;
}

export function createSubscription(id: string, name: string, tenantId: string): Subscription {
  return { id, name, tenantId, state: "Registered", registrationDate: new Date().toUTCString() };
}

/** The subscription as ARM shows it. */
export function showSubscription({ id, name, tenantId, state }: Subscription): Record<string, unknown> {
  return {
    id: `/subscriptions/${id}`,
    subscriptionId: id,
    tenantId,
    displayName: name,
    state: shownAs[state].state,
    authorizationSource: "RoleBased",
  };
}

/** Whether the subscription has registered a provider, in Azure's words. */
export function showRegistration({ state }: Subscription): string {
  return shownAs[state].registration;
}

/**
 * Tells the provider the subscription's state, as ARM does at every change, and again as long as it answers 202: it has
 * not followed yet.
 *
 * @throws ArmError where the provider can't be reached, or answers anything but 200 in the end
 */
export async function announceSubscription(hop: ProviderHop, subscription: Subscription): Promise<void> {
  const { id, tenantId, state, registrationDate } = subscription;
  const body = JSON.stringify({ state, registrationDate, properties: { tenantId, quotaId: "PayAsYouGo_2014-09-01" } });
  const deadline = Date.now() + announceLimitMs;
  for (;;) {
    const answer = await hop.announce(`/subscriptions/${id}?api-version=2.0`, body);
    if (answer.status === 200) return;
    if (answer.status !== 202 || Date.now() > deadline) {
      throw armErrors.stateNotTaken(state, answer.status);
    }
    await delay(Number(answer.headers["retry-after"] ?? 1) * 1000);
  }
}

const announceLimitMs = 60_000;

interface Params {
  subscription: string;
}

/**
 * Azure has nothing like it: `GET` and `PUT .../providers/Linkgate.Sandbox/state` with `{ "state": "Suspended" }` put a
 * subscription into any state of its lifecycle, which at Azure only billing and support do.
 */
export async function sandboxStateRoutes(
  app: FastifyInstance,
  { hop, subscriptions }: { hop: ProviderHop; subscriptions: readonly Subscription[] },
): Promise<void> {
  const url = "/subscriptions/:subscription/providers/Linkgate.Sandbox/state";
  const find = (id: string): Subscription => {
    const found = subscriptions.find(one => sameName(one.id, id));
    if (!found) throw armErrors.noSubscription(id);
    return found;
  };
  app.get<{ Params: Params }>(url, request => ({ state: find(request.params.subscription).state }));
  app.put<{ Params: Params }>(url, async request => {
    const subscription = find(request.params.subscription);
    const { state } = readJson(request.body);
    if (typeof state !== "string" || !Object.hasOwn(shownAs, state)) {
      throw armErrors.badContent(`state must be one of ${Object.keys(shownAs).join(", ")}.`);
    }
    await announceSubscription(hop, { ...subscription, state: state as SubscriptionState });
    subscription.state = state as SubscriptionState;
    return { state };
  });
}
