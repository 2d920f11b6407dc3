import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isDeepStrictEqual } from "node:util";
import type { Transaction } from "kysely";
import { ArmError, resourceNotFound } from "../arm/errors.ts";
import { ACCOUNT_TYPE, type AccountPath, accountId, requestedAccountId, sameName } from "../arm/paths.ts";
import { checkPreconditions } from "../arm/preconditions.ts";
import { type Caller, mergeSystemData } from "../arm/system-data.ts";
import { recordDecision } from "../audit/decisions.ts";
import { disconnectAll, listConnections } from "../connections/repository.ts";
import { requireOperation } from "../connections/running.ts";
import type { Queryable } from "../database/open.ts";
import type { Database } from "../database/schema.ts";
import { publishAccount } from "../feed/publish.ts";
import { queueNotices } from "../nrp/notices.ts";
import { type OperationRow, startOperation } from "../operations/service.ts";
import { holdPermission } from "../subscriptions/permission.ts";
import {
  type Account,
  type AccountChange,
  findAccount,
  insertAccount,
  lockAccount,
  type NewAccount,
  updateAccount,
} from "./repository.ts";
import type { AccountBody, AccountPatch } from "./schema.ts";

/** Members of `properties` that the registry owns; what a client sends there is not stored. */
const OWNED = new Set(["provisioningState", "privateEndpointConnections", "publicNetworkAccess"]);

/**
 * The account that a path names. One of another subscription or group is not there.
 *
 * @throws ArmError ResourceNotFound
 */
export async function requireAccount(db: Queryable, path: AccountPath): Promise<Account> {
  return assertAt(await findAccount(db, path.account.toLowerCase()), path);
}

/** Like {@link requireAccount}, and holds the account's lock until the transaction ends. */
export async function requireLockedAccount(tx: Transaction<Database>, path: AccountPath): Promise<Account> {
  return assertAt(await lockAccount(tx, path.account.toLowerCase()), path);
}

/** Like {@link requireLockedAccount}, but undefined when there is no such account: deleting what is absent is no error. */
export async function findLockedAccount(tx: Transaction<Database>, path: AccountPath): Promise<Account | undefined> {
  const account = await lockAccount(tx, path.account.toLowerCase());
  return account !== undefined && isAt(account, path) ? account : undefined;
}

function assertAt(account: Account | undefined, path: AccountPath): Account {
  if (account === undefined || !isAt(account, path)) throw resourceNotFound(requestedAccountId(path));
  return account;
}

function isAt(account: Account, path: AccountPath): boolean {
  return sameName(account.subscription_id, path.subscriptionId) && sameName(account.resource_group, path.resourceGroup);
}

/** Refuses what needs a whole account while it is being deleted. */
export function assertNotDeleting(account: Account): void {
  if (account.provisioning_state === "Deleting") {
    throw new ArmError("AnotherOperationInProgress", `The account '${account.name}' is being deleted.`);
  }
}

export interface PutResult {
  account: Account;
  created: boolean;
}

/**
 * Creates an account or overwrites it. The same PUT again changes nothing.
 *
 * @throws ArmError NameNotAvailable when the name belongs to another subscription or group (design 5: an account name
 *   is a host name), InvalidSubscriptionState, AnotherOperationInProgress, PropertyChangeNotAllowed, InvalidRequestContent, PreconditionFailed
 */
export async function putAccount(
  tx: Transaction<Database>,
  path: AccountPath,
  body: AccountBody,
  headers: IncomingHttpHeaders,
  caller: Caller,
): Promise<PutResult> {
  const key = path.account.toLowerCase();
  let existing = await lockAccount(tx, key);
  if (existing === undefined) {
    checkPreconditions(headers, undefined);
    checkProvisioningState(body, "Succeeded");
    await holdPermission(tx, path.subscriptionId);
    const account = await insertAccount(tx, newAccount(key, path, body, caller));
    if (account !== undefined) {
      await publishAccount(tx, key);
      return { account, created: true };
    }
    // Another transaction was first with this name; the insert has waited for its end.
    existing = await lockAccount(tx, key);
  }
  if (existing === undefined || !isAt(existing, path)) {
    throw new ArmError("NameNotAvailable", `The name '${path.account}' is taken.`, "name");
  }
  checkPreconditions(headers, existing.etag);
  assertNotDeleting(existing);
  checkProvisioningState(body, existing.provisioning_state);
  return { account: await changeAccount(tx, existing, overwrite(existing, path, body), caller), created: false };
}

/**
 * Changes tags (all of them, as ARM's own tag calls expect) or public network access.
 *
 * @throws ArmError ResourceNotFound, AnotherOperationInProgress, InvalidRequestContent, PreconditionFailed
 */
export async function patchAccount(
  tx: Transaction<Database>,
  path: AccountPath,
  patch: AccountPatch,
  headers: IncomingHttpHeaders,
  caller: Caller,
): Promise<Account> {
  const existing = await requireLockedAccount(tx, path);
  checkPreconditions(headers, existing.etag);
  assertNotDeleting(existing);
  checkProvisioningState(patch, existing.provisioning_state);
  const access = patch.properties?.publicNetworkAccess;
  return await changeAccount(
    tx,
    existing,
    {
      ...(patch.tags === undefined ? {} : { tags: patch.tags }),
      ...(access === undefined ? {} : { public_network_access: access }),
    },
    caller,
  );
}

/**
 * Begins to delete an account: its connections are disconnected at once, the row and the name stay taken until NRP has
 * been told of each, and no gate can admit anyone to it (design 4 and 5). Asked again, it names the operation that runs.
 *
 * @returns undefined when there is no such account
 */
export async function deleteAccount(
  tx: Transaction<Database>,
  path: AccountPath,
  headers: IncomingHttpHeaders,
  caller: Caller,
): Promise<OperationRow | undefined> {
  const account = await findLockedAccount(tx, path);
  if (account === undefined) return undefined;
  checkPreconditions(headers, account.etag);
  return await beginDeletion(tx, account, caller);
}

/** Like {@link deleteAccount}, of an account that the transaction has locked. */
export async function beginDeletion(
  tx: Transaction<Database>,
  account: Account,
  caller: Caller,
): Promise<OperationRow> {
  if (account.provisioning_state === "Deleting") return await requireOperation(tx, account.etag);
  const operation = await startOperation(tx, {
    kind: "account-delete",
    account: account.account,
    subscriptionId: account.subscription_id,
    location: account.location,
    resourceId: accountId(account),
    correlationId: caller.correlationId,
  });
  const standing = (await listConnections(tx, account.account)).filter(one => one.provisioning_state !== "Deleting");
  await recordDecision(tx, { account, action: "delete-account", from: "Present", to: "Absent", caller });
  for (const connection of standing) {
    await recordDecision(tx, {
      account,
      connection,
      action: "remove",
      from: connection.status,
      to: "Disconnected",
      caller,
    });
  }
  await disconnectAll(tx, account.account, operation.id);
  await queueNotices(tx, account, {
    state: { status: "Disconnected", description: "The private link resource was deleted." },
    operation: operation.id,
    correlationId: caller.correlationId,
  });
  await updateAccount(tx, account.account, {
    provisioning_state: "Deleting",
    // An operation belongs to one revision of its resource, so that revision's etag is the operation's id.
    etag: operation.id,
    system_data: mergeSystemData(account.system_data, caller.systemData),
  });
  await publishAccount(tx, account.account);
  return operation;
}

function newAccount(key: string, path: AccountPath, body: AccountBody, caller: Caller): NewAccount {
  return {
    account: key,
    subscription_id: path.subscriptionId,
    resource_group: path.resourceGroup,
    resource_type: ACCOUNT_TYPE,
    name: path.account,
    location: body.location,
    kind: body.kind,
    tags: body.tags ?? {},
    properties: ownProperties(body),
    public_network_access: body.properties?.publicNetworkAccess ?? "Enabled",
    provisioning_state: "Succeeded",
    subscription_state: "Registered",
    etag: randomUUID(),
    system_data: caller.systemData,
  };
}

function overwrite(existing: Account, path: AccountPath, body: AccountBody): AccountChange {
  if (canonicalLocation(body.location) !== canonicalLocation(existing.location)) {
    throw new ArmError("PropertyChangeNotAllowed", "The location of an account can't be changed.", "location");
  }
  if (body.kind !== existing.kind) {
    throw new ArmError("PropertyChangeNotAllowed", "The kind of an account can't be changed.", "kind");
  }
  return {
    // ARM RPC: names keep the casing of the most recent caller.
    subscription_id: path.subscriptionId,
    resource_group: path.resourceGroup,
    name: path.account,
    tags: body.tags ?? {},
    properties: ownProperties(body),
    // A PUT that doesn't mention it must not open an account to the public network.
    public_network_access: body.properties?.publicNetworkAccess ?? existing.public_network_access,
  };
}

async function changeAccount(
  tx: Transaction<Database>,
  existing: Account,
  change: AccountChange,
  caller: Caller,
): Promise<Account> {
  if (isDeepStrictEqual({ ...existing, ...change }, existing)) return existing;
  const account = await updateAccount(tx, existing.account, {
    ...change,
    etag: randomUUID(),
    system_data: mergeSystemData(existing.system_data, caller.systemData),
  });
  const [from, to] = [existing.public_network_access, account.public_network_access];
  if (from !== to) await recordDecision(tx, { account, action: "set-public-access", from, to, caller });
  await publishAccount(tx, account.account);
  return account;
}

function ownProperties(body: AccountBody): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body.properties ?? {}).filter(([name]) => !OWNED.has(name)));
}

/** ARM RPC: a client's provisioningState is ignored when it is ours, and refused when it is not. */
function checkProvisioningState(body: { properties?: { provisioningState?: unknown } }, actual: string): void {
  const sent = body.properties?.provisioningState;
  if (sent !== undefined && sent !== actual) {
    throw new ArmError(
      "InvalidRequestContent",
      `provisioningState is '${actual}' and can't be set.`,
      "properties/provisioningState",
    );
  }
}

function canonicalLocation(location: string): string {
  return location.toLowerCase().replaceAll(" ", "");
}
