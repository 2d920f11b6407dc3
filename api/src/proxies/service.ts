import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isDeepStrictEqual } from "node:util";
import type { Transaction } from "kysely";
import type { Account } from "../accounts/repository.ts";
import { assertNotDeleting, requireLockedAccount } from "../accounts/service.ts";
import { ArmError, resourceNotFound } from "../arm/errors.ts";
import { type ChildPath, requestedAccountId, sameName } from "../arm/paths.ts";
import { checkPreconditions } from "../arm/preconditions.ts";
import { type Caller, mergeSystemData } from "../arm/system-data.ts";
import { nameAction, recordDecision } from "../audit/decisions.ts";
import {
  type Connection,
  type ConnectionChange,
  countConnections,
  findConnection,
  insertConnection,
  updateConnection,
} from "../connections/repository.ts";
import { findRunningOperation } from "../connections/running.ts";
import { changeConnection, claim, move, type WriteResult } from "../connections/service.ts";
import { type Action, transition } from "../connections/transitions.ts";
import { patternOf } from "../contract/parameters.ts";
import type { Queryable } from "../database/open.ts";
import type { Database } from "../database/schema.ts";
import { publishAccount } from "../feed/publish.ts";
import { refreshNotice } from "../nrp/notices.ts";
import { type EndpointUpdate, type ProxyRequest, proxyBody, type RemotePrivateEndpoint } from "./schema.ts";

/** A private endpoint's name (80), a dot and a guid: letters, digits, `_`, `.` and `-`, nothing else. */
const PROXY_NAME = patternOf(proxyBody.parameters, "privateEndpointConnectionProxyId");

/** @throws ArmError InvalidResourceName */
export function checkProxyName(name: string): void {
  if (!PROXY_NAME.test(name)) {
    throw new ArmError(
      "InvalidResourceName",
      "The name of a proxy has 1 to 128 letters, digits, hyphens, dots and underscores.",
      "name",
    );
  }
}

/**
 * Whether NRP may go on to create the endpoint (requirement: "Validate Call"): the account is whole and has room.
 *
 * @throws ArmError AnotherOperationInProgress, QuotaExceeded
 */
export async function validateProxy(
  db: Queryable,
  account: Account,
  name: string,
  maxConnections: number,
): Promise<void> {
  assertNotDeleting(account);
  const existing = await findConnection(db, account.account, name.toLowerCase());
  if (existing === undefined) await assertRoom(db, account, maxConnections);
}

/**
 * Stores what NRP says of an endpoint (requirement: "Create Private Endpoint"). The same PUT again changes nothing.
 *
 * @throws ArmError ResourceNotFound, InvalidRequestContent, AnotherOperationInProgress, InvalidStateTransition,
 *   QuotaExceeded, LinkIdInUse, PreconditionFailed, Conflict when the name belongs to another private endpoint
 */
export async function putProxy(
  tx: Transaction<Database>,
  path: ChildPath,
  request: ProxyRequest,
  caller: Caller,
  maxConnections: number,
  headers: IncomingHttpHeaders = {},
): Promise<WriteResult & { created: boolean }> {
  const account = await requireLockedAccount(tx, path);
  const existing = await findConnection(tx, account.account, path.name.toLowerCase());
  checkPreconditions(headers, existing?.etag);
  checkProvisioningState(request, existing);
  assertNotDeleting(account);
  const action: Action = request.automatic ? "grant" : "request";
  if (existing === undefined) {
    return { ...(await createProxy(tx, account, path, request, caller, action, maxConnections)), created: true };
  }
  assertSameEndpoint(existing, request.endpoint);
  const status = move(existing, action);
  assertLinkIds(status, request);
  const change: ConnectionChange = {
    name: path.name,
    status,
    ...(status === existing.status ? {} : comment(request, status)),
    remote_private_endpoint: request.endpoint,
    immutable_resource_id: request.endpoint.immutableResourceId?.toLowerCase() ?? existing.immutable_resource_id,
    link_ids: request.linkIds,
  };
  if (isDeepStrictEqual({ ...existing, ...change }, existing)) {
    return { account, connection: existing, operation: await findRunningOperation(tx, existing), created: false };
  }
  return { ...(await changeConnection(tx, account, existing, caller, change)), created: false };
}

/**
 * Takes note that an endpoint was moved, to another group or subscription: it has another id, and is the same endpoint
 * with the same approval. What runs on the connection goes on.
 *
 * @throws ArmError ResourceNotFound, Conflict when it is another endpoint
 */
export async function moveEndpoint(
  tx: Transaction<Database>,
  path: ChildPath,
  update: EndpointUpdate,
  caller: Caller,
): Promise<void> {
  const account = await requireLockedAccount(tx, path);
  const existing = await requireProxy(tx, account, path);
  assertSameEndpoint(existing, update);
  const change: ConnectionChange = {
    remote_private_endpoint: moved(existing.remote_private_endpoint, update),
    immutable_resource_id: update.immutableResourceId?.toLowerCase() ?? existing.immutable_resource_id,
  };
  if (isDeepStrictEqual({ ...existing, ...change }, existing)) return;
  const connection = await updateConnection(tx, existing, {
    ...change,
    // While an operation runs, the etag is its id.
    etag: existing.provisioning_state === "Succeeded" ? randomUUID() : existing.etag,
    system_data: mergeSystemData(existing.system_data, caller.systemData),
  });
  await refreshNotice(tx, account, connection);
  const { status } = connection;
  await recordDecision(tx, { account, connection, action: "update", from: status, to: status, caller });
}

/** What an update may change; members that nobody described must not take the place of what was checked. */
const MOVED = ["id", "location", "immutableSubscriptionId", "immutableResourceId", "vnetTrafficTag"] as const;

/** NRP's own proxies lie below the endpoint, so they have moved with it. */
function moved(endpoint: RemotePrivateEndpoint, update: EndpointUpdate): RemotePrivateEndpoint {
  const [from, proxies] = [`${endpoint.id}/`.toLowerCase(), endpoint.privateLinkServiceProxies];
  const follow = <Proxy extends { id?: string }>(proxy: Proxy): Proxy =>
    proxy.id?.toLowerCase().startsWith(from) ? { ...proxy, id: `${update.id}/${proxy.id.slice(from.length)}` } : proxy;
  return {
    ...endpoint,
    ...Object.fromEntries(MOVED.flatMap(name => (update[name] === undefined ? [] : [[name, update[name]]]))),
    ...(proxies === undefined ? {} : { privateLinkServiceProxies: proxies.map(follow) }),
  };
}

/**
 * The proxy that a path names.
 *
 * @throws ArmError ResourceNotFound
 */
export async function requireProxy(db: Queryable, account: Account, path: ChildPath): Promise<Connection> {
  const connection = await findConnection(db, account.account, path.name.toLowerCase());
  if (connection === undefined) {
    throw resourceNotFound(`${requestedAccountId(path)}/privateEndpointConnectionProxies/${path.name}`);
  }
  return connection;
}

async function createProxy(
  tx: Transaction<Database>,
  account: Account,
  path: ChildPath,
  request: ProxyRequest,
  caller: Caller,
  action: Action,
  maxConnections: number,
): Promise<WriteResult> {
  const status = transition("Absent", action);
  if (status === null) throw new Error(`'${action}' can't create a connection`);
  assertLinkIds(status, request);
  await assertRoom(tx, account, maxConnections);
  const nameKey = path.name.toLowerCase();
  await claim(tx, account.account, nameKey, request.linkIds);
  const connection = await insertConnection(tx, {
    account: account.account,
    name_key: nameKey,
    name: path.name,
    status,
    ...comment(request, status),
    provisioning_state: "Succeeded",
    remote_private_endpoint: request.endpoint,
    immutable_resource_id: request.endpoint.immutableResourceId?.toLowerCase() ?? null,
    link_ids: request.linkIds,
    etag: randomUUID(),
    system_data: caller.systemData,
  });
  await recordDecision(tx, {
    account,
    connection,
    action: nameAction("Absent", status),
    from: "Absent",
    to: status,
    comment: connection.description,
    caller,
  });
  await publishAccount(tx, account.account);
  return { account, connection, operation: undefined };
}

function comment(
  request: ProxyRequest,
  status: Connection["status"],
): { description: string; actions_required: string } {
  return { description: status === "Approved" ? "Auto-Approved" : request.requestMessage, actions_required: "None" };
}

/** An approved endpoint without a link id could admit nobody (design 5: 400). */
function assertLinkIds(status: Connection["status"], request: ProxyRequest): void {
  if (status === "Approved" && request.linkIds.length === 0) {
    throw new ArmError(
      "InvalidRequestContent",
      "An approved private endpoint needs a 'linkIdentifier' in 'connectionDetails'.",
      "connectionDetails",
    );
  }
}

/** Under the account's lock nobody can pass the maximum (design 5). */
async function assertRoom(db: Queryable, account: Account, maxConnections: number): Promise<void> {
  if ((await countConnections(db, account.account)) >= maxConnections) {
    throw new ArmError(
      "QuotaExceeded",
      `The account '${account.name}' has reached its maximum of ${maxConnections} private endpoint connections.`,
    );
  }
}

/** An approval was given to one endpoint. The immutable id, its first one, stays when the endpoint is moved; the id does not. */
function assertSameEndpoint(existing: Connection, endpoint: { id: string; immutableResourceId?: string }): void {
  const known = existing.immutable_resource_id;
  const immutable = endpoint.immutableResourceId?.toLowerCase();
  const id = String(existing.remote_private_endpoint.id);
  const same =
    known !== null && immutable !== undefined
      ? known === immutable
      : sameName(id, endpoint.id) || (known === null && immutable === id.toLowerCase());
  if (!same) {
    throw new ArmError("Conflict", `The proxy '${existing.name}' belongs to another private endpoint.`);
  }
}

/** ARM RPC: a caller's provisioningState is ignored when it is ours, and refused when it is not. */
function checkProvisioningState(request: ProxyRequest, existing: Connection | undefined): void {
  const actual = existing?.provisioning_state ?? "Succeeded";
  if (request.provisioningState !== undefined && request.provisioningState !== actual) {
    throw new ArmError(
      "InvalidRequestContent",
      `provisioningState is '${actual}' and can't be set.`,
      "properties/provisioningState",
    );
  }
}
