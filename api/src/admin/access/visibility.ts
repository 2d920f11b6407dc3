import { type RawBuilder, sql } from "kysely";
import { LRUCache } from "lru-cache";
import { accountId, PROVIDER, sameName } from "../../arm/paths.ts";
import type { Queryable } from "../../database/open.ts";
import type { ArmClient } from "../arm/client.ts";
import { assertAnswered, LIFETIME, type Permissions } from "./permissions.ts";
import type { Caller } from "./tokens.ts";

/** What of the registry a person may read: whole subscriptions, whole resource groups, single accounts. All lower case. */
export interface Visibility {
  readonly subscriptions: ReadonlySet<string>;
  /** `subscription/group`. */
  readonly groups: ReadonlySet<string>;
  /** `subscription/group/account`. */
  readonly accounts: ReadonlySet<string>;
}

/** People whose view is kept. */
const KEPT = 2000;
/** Calls to ARM side by side, for one person. */
const SIDE_BY_SIDE = 8;
const SUBSCRIPTIONS_VERSION = "2022-12-01";
const SERVICES_VERSION = "2024-03-31";

/** Where an account is. */
export interface Place {
  readonly subscription_id: string;
  readonly resource_group: string;
  readonly name: string;
}

/** Finds out what people may read. Kept for as long as a permission is. */
export function createVisibilityFinder(options: {
  readonly db: Queryable;
  readonly arm: ArmClient;
  readonly permissions: Permissions;
}): (person: Caller, correlationId: string) => Promise<Visibility> {
  const kept = new LRUCache<string, Visibility, { person: Caller; correlationId: string }>({
    max: KEPT,
    ttl: LIFETIME,
    ttlResolution: 0,
    fetchMethod: (_key, _old, { context }) => new Search(options, context.person, context.correlationId).run(),
  });
  return async (person, correlationId) => {
    const found = await kept.fetch(person.objectId, { context: { person, correlationId } });
    if (found === undefined) throw new Error("what the person may read was not found out");
    return found;
  };
}

/** From the widest scope down; what is granted above is not asked for below (ADR on visibility). */
class Search {
  readonly #subscriptions = new Set<string>();
  readonly #groups = new Set<string>();
  readonly #accounts = new Set<string>();
  readonly #options: Parameters<typeof createVisibilityFinder>[0];
  readonly #person: Caller;
  readonly #correlationId: string;

  constructor(options: Parameters<typeof createVisibilityFinder>[0], person: Caller, correlationId: string) {
    this.#options = options;
    this.#person = person;
    this.#correlationId = correlationId;
  }

  async run(): Promise<Visibility> {
    const candidates: Place[] = [];
    await sideBySide(await this.#findSubscriptions(), async subscription => {
      if (await this.#mayRead(`/subscriptions/${subscription}`)) this.#subscriptions.add(subscription.toLowerCase());
      else candidates.push(...(await this.#findAccounts(subscription)));
    });
    const groups = new Map(candidates.map(place => [groupKey(place), place]));
    await sideBySide([...groups], async ([group, { subscription_id: subscription, resource_group: name }]) => {
      if (await this.#mayRead(`/subscriptions/${subscription}/resourceGroups/${name}`)) this.#groups.add(group);
    });
    const single = candidates.filter(place => !this.#groups.has(groupKey(place)));
    await sideBySide(single, async account => {
      if (await this.#mayRead(accountId(account))) this.#accounts.add(placeKey(account));
    });
    return { subscriptions: this.#subscriptions, groups: this.#groups, accounts: this.#accounts };
  }

  async #mayRead(scope: string): Promise<boolean> {
    return (await this.#options.permissions.anewAt(this.#person, scope, this.#correlationId)).read;
  }

  /** Those in which the person has any role, as far as the registry knows anything of them. */
  async #findSubscriptions(): Promise<string[]> {
    const listed = await this.#list("/subscriptions", SUBSCRIPTIONS_VERSION);
    const ids = listed.flatMap(one => readText(one, "subscriptionId")?.toLowerCase() ?? []);
    const { rows } = await sql<{ wanted: string }>`
      select wanted from unnest(${ids}::text[]) wanted
      where exists (select from accounts a where lower(a.subscription_id) = wanted)
        or exists (select from decisions d where lower(d.subscription_id) = wanted)`.execute(this.#options.db);
    return rows.map(row => row.wanted);
  }

  /** ARM lists what the person may read; only what the registry knows too is asked about. */
  async #findAccounts(subscription: string): Promise<Place[]> {
    const listed = await this.#list(`/subscriptions/${subscription}/providers/${PROVIDER}/services`, SERVICES_VERSION);
    const ids = new Set(listed.flatMap(one => readText(one, "id")?.toLowerCase() ?? []));
    const names = [...ids].map(id => id.split("/").at(-1) ?? "");
    if (names.length === 0) return [];
    const rows = await this.#options.db
      .selectFrom("accounts")
      .select(["subscription_id", "resource_group", "name"])
      .where("account", "in", names)
      .execute();
    return rows.filter(row => sameName(row.subscription_id, subscription) && ids.has(accountId(row).toLowerCase()));
  }

  async #list(path: string, apiVersion: string): Promise<unknown[]> {
    const answer = await this.#options.arm.list(this.#person, { path, apiVersion, correlationId: this.#correlationId });
    if (Array.isArray(answer)) return answer;
    assertAnswered(answer);
    return [];
  }
}

const groupKey = ({ subscription_id, resource_group }: Omit<Place, "name">): string =>
  `${subscription_id}/${resource_group}`.toLowerCase();
const placeKey = (place: Place): string => `${groupKey(place)}/${place.name.toLowerCase()}`;

function readText(value: unknown, member: string): string | undefined {
  const text = (value as Record<string, unknown> | null | undefined)?.[member];
  return typeof text === "string" ? text : undefined;
}

/** Runs a task for each item, some at a time; the first failure is thrown when the others under way have ended. */
export async function sideBySide<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const workers = Array.from({ length: Math.min(SIDE_BY_SIDE, items.length) }, async () => {
    for (const item of queue) await task(item);
  });
  const failed = (await Promise.allSettled(workers)).find(result => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Whether an account, as a row has it, may be read. */
export function isVisible(visibility: Visibility, place: Place): boolean {
  const group = groupKey(place);
  return (
    visibility.subscriptions.has(place.subscription_id.toLowerCase()) ||
    visibility.groups.has(group) ||
    visibility.accounts.has(placeKey(place))
  );
}

/**
 * The same as a condition on a table that says where its account is. An account's name alone would not do: another
 * subscription may take it when it is free.
 *
 * @param table alias with `subscription_id`, `resource_group` and `account`
 */
export function whereVisible(visibility: Visibility, table: string): RawBuilder<boolean> {
  const [subscription, group, account] = ["subscription_id", "resource_group", "account"].map(column =>
    sql.ref(`${table}.${column}`),
  );
  const { subscriptions, groups, accounts } = visibility;
  const names = [...accounts].map(key => key.split("/").at(-1));
  return sql<boolean>`(lower(${subscription}) = any (${[...subscriptions]}::text[])
    or lower(${subscription}) || '/' || lower(${group}) = any (${[...groups]}::text[])
    or (${account} = any (${names}::text[])
      and lower(${subscription}) || '/' || lower(${group}) || '/' || ${account} = any (${[...accounts]}::text[])))`;
}

/** No condition: whoever uses it has asked, or is about to ask, about each row. */
export const everything: RawBuilder<boolean> = sql<boolean>`true`;

/** For who has no accounts. */
export const nothing: RawBuilder<boolean> = sql<boolean>`false`;
