import type { Zone } from "../arm/context.ts";
import { accountId } from "../arm/paths.ts";
import type { OpenDatabase } from "../database/open.ts";
import { Refusal } from "../feed/refusal.ts";
import type { Rights } from "./access/actions.ts";
import type { Permissions } from "./access/permissions.ts";
import type { Caller } from "./access/tokens.ts";
import { isVisible, type Place, sideBySide, type Visibility } from "./access/visibility.ts";
import type { ArmClient } from "./arm/client.ts";

/** What ARM says and does for the people who call. */
export interface Azure {
  readonly arm: ArmClient;
  readonly permissions: Permissions;
  findVisibility(person: Caller, correlationId: string): Promise<Visibility>;
}

/** What the routes of the admin API work with. */
export interface AdminContext {
  readonly database: OpenDatabase;
  /** Undefined where the api is not told how to ask ARM in people's names. */
  readonly azure: Azure | undefined;
  readonly zones: readonly Zone[];
  readonly maxConnections: number;
}

/** Somebody who asks, and under which id. */
export interface Asking {
  readonly caller: Caller;
  readonly correlationId: string;
}

/** @throws Refusal 503 */
export function requireAzure({ azure }: AdminContext): Azure {
  if (azure === undefined) {
    throw new Refusal(
      503,
      "ArmNotConfigured",
      "this api is not told how to ask Azure in your name (LINKGATE_ENTRA_...)",
    );
  }
  return azure;
}

/** What the caller may read. */
export function findVisibility(context: AdminContext, { caller, correlationId }: Asking): Promise<Visibility> {
  return requireAzure(context).findVisibility(caller, correlationId);
}

/** What the caller may do with one account, as ARM says at that very account. */
export function findRights(context: AdminContext, { caller, correlationId }: Asking, place: Place): Promise<Rights> {
  return requireAzure(context).permissions.at(caller, accountId(place), correlationId);
}

/**
 * What the caller may do with each of several accounts that are visible. Roles add up on the way down, so whoever may do
 * everything in a subscription isn't asked about again.
 *
 * @returns by ARM id
 */
export async function findRightsOf(
  context: AdminContext,
  asking: Asking,
  visibility: Visibility,
  places: readonly Place[],
): Promise<Map<string, Rights>> {
  const { permissions } = requireAzure(context);
  const distinct = new Map(
    places.filter(place => isVisible(visibility, place)).map(place => [accountId(place), place]),
  );
  const rights = new Map<string, Rights>();
  await sideBySide([...distinct], async ([id, place]) => {
    const above = await permissions.at(asking.caller, `/subscriptions/${place.subscription_id}`, asking.correlationId);
    const hasAll = above.read && above.approve && above.remove;
    rights.set(id, hasAll ? above : await findRights(context, asking, place));
  });
  return rights;
}
