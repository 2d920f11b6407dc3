import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Transaction } from "kysely";
import type { Account } from "../accounts/repository.ts";
import { findLockedAccount, requireLockedAccount } from "../accounts/service.ts";
import { ArmError, resourceNotFound } from "../arm/errors.ts";
import { type ChildPath, requestedAccountId } from "../arm/paths.ts";
import { checkPreconditions } from "../arm/preconditions.ts";
import { type Caller, mergeSystemData } from "../arm/system-data.ts";
import { nameAction, recordDecision } from "../audit/decisions.ts";
import type { Queryable } from "../database/open.ts";
import type { Database, OperationKind } from "../database/schema.ts";
import { publishAccount } from "../feed/publish.ts";
import { queueNotice, refreshNotice } from "../nrp/notices.ts";
import { type OperationRow, startOperation } from "../operations/service.ts";
import { connectionId } from "./document.ts";
import {
  type Connection,
  type ConnectionChange,
  claimLinks,
  findConnection,
  releaseLinks,
  updateConnection,
} from "./repository.ts";
import { findRunningOperation, requireOperation } from "./running.ts";
import type { ConnectionBody } from "./schema.ts";
import { type Action, explainRefusal, transition } from "./transitions.ts";

/** A connection as a write left it, and the operation that still runs on it. */
export interface WriteResult {
  account: Account;
  connection: Connection;
  operation: OperationRow | undefined;
}

const ACTIONS = {
  Pending: "set-pending",
  Approved: "set-approved",
  Rejected: "set-rejected",
  Disconnected: "set-disconnected",
} as const satisfies Record<ConnectionBody["properties"]["privateLinkServiceConnectionState"]["status"], Action>;

/**
 * The connection that a path names.
 *
 * @throws ArmError ResourceNotFound
 */
export async function requireConnection(db: Queryable, account: Account, path: ChildPath): Promise<Connection> {
  const connection = await findConnection(db, account.account, path.name.toLowerCase());
  if (connection === undefined) {
    throw resourceNotFound(`${requestedAccountId(path)}/privateEndpointConnections/${path.name}`);
  }
  return connection;
}

/**
 * Approves or rejects (requirement: "Approve/Reject for Manual Approval Flow"). Withdrawing an approval starts an
 * operation; asked again, it answers with the one that runs.
 *
 * @throws ArmError ResourceNotFound, InvalidRequestContent, InvalidStateTransition, AnotherOperationInProgress, LinkIdMissing
 */
export async function decideConnection(
  tx: Transaction<Database>,
  path: ChildPath,
  body: ConnectionBody,
  caller: Caller,
  headers: IncomingHttpHeaders = {},
): Promise<WriteResult> {
  const account = await requireLockedAccount(tx, path);
  const connection = await requireConnection(tx, account, path);
  checkPreconditions(headers, connection.etag);
  const { privateLinkServiceConnectionState: wanted, provisioningState } = body.properties;
  if (typeof provisioningState === "string" && provisioningState !== connection.provisioning_state) {
    throw new ArmError(
      "InvalidRequestContent",
      `provisioningState is '${connection.provisioning_state}' and can't be set.`,
      "properties/provisioningState",
    );
  }
  const status = move(connection, ACTIONS[wanted.status]);
  if (status === connection.status) {
    return { account, connection, operation: await findRunningOperation(tx, connection) };
  }
  const result = await changeConnection(tx, account, connection, caller, {
    status,
    description: wanted.description ?? connection.description,
    actions_required: wanted.actionsRequired ?? connection.actions_required,
  });
  if (isNewsForNrp(caller) && (status === "Approved" || status === "Rejected")) {
    const { description } = result.connection;
    await queueNotice(tx, account, connection, {
      state: { status, description },
      correlationId: caller.correlationId,
    });
  }
  return result;
}

/** A customer's own call (`customerWrites`): NRP knows of it by nobody else. What the api does by itself has notices of its own. */
function isNewsForNrp(caller: Caller): boolean {
  return caller.by?.via === "arm";
}

/**
 * Begins to delete a connection and its proxy, which are one. Nothing is freed before no gate can admit it (design 4).
 * Asked again, it names the operation that runs.
 *
 * @returns undefined when there is nothing to delete, also when the account is gone
 */
export async function deleteConnection(
  tx: Transaction<Database>,
  path: ChildPath,
  caller: Caller,
  headers: IncomingHttpHeaders = {},
): Promise<OperationRow | undefined> {
  const account = await findLockedAccount(tx, path);
  if (account === undefined) return undefined;
  const connection = await findConnection(tx, account.account, path.name.toLowerCase());
  if (connection === undefined) return undefined;
  checkPreconditions(headers, connection.etag);
  const status = move(connection, "delete");
  if (status === connection.status) return await requireOperation(tx, connection.etag);
  const operation = await revoke(tx, account, connection, "connection-delete", caller);
  const removed = await updateConnection(tx, connection, {
    status,
    provisioning_state: "Deleting",
    etag: operation.id,
    system_data: mergeSystemData(connection.system_data, caller.systemData),
  });
  await recordDecision(tx, { account, connection, action: "remove", from: connection.status, to: status, caller });
  const description = "The private endpoint connection was removed.";
  if (isNewsForNrp(caller)) {
    await queueNotice(tx, account, connection, {
      state: { status: "Disconnected", description },
      operation: operation.id,
      correlationId: caller.correlationId,
    });
  } else await refreshNotice(tx, account, removed, description);
  await publishAccount(tx, account.account);
  return operation;
}

/**
 * The state an action leads to.
 *
 * @throws ArmError InvalidStateTransition
 */
export function move(connection: Connection, action: Action): Connection["status"] {
  const status = transition(connection.status, action);
  if (status === null) {
    throw new ArmError("InvalidStateTransition", explainRefusal(connection.name, connection.status, action));
  }
  return status;
}

/**
 * Writes a change that the transition table allows. A change that takes any link id out of force is a revocation: it
 * starts an operation in the same transaction, and those ids stay claimed until it ends (feed rules 23 and 27). What NRP has still to
 * be told is brought up to it, unless it is a customer's own change, of which NRP is told anew.
 *
 * @throws ArmError LinkIdMissing, LinkIdInUse; AnotherOperationInProgress, unless the change only takes away: a
 *   running operation never keeps an admin from rejecting
 */
export async function changeConnection(
  tx: Transaction<Database>,
  account: Account,
  connection: Connection,
  caller: Caller,
  change: ConnectionChange,
): Promise<WriteResult> {
  const next = { ...connection, ...change };
  if (next.status !== "Rejected") await assertIdle(tx, connection);
  assertAdmittable(next);
  await claim(tx, account.account, connection.name_key, next.link_ids);
  const kept = linksInForce(next);
  const revoked = linksInForce(connection).filter(id => !kept.includes(id));
  // A revocation that still runs has claims to free; the new operation takes that over.
  const needsOperation = revoked.length > 0 || connection.provisioning_state !== "Succeeded";
  const kind = next.status === "Rejected" ? "connection-reject" : "connection-relink";
  const operation = needsOperation ? await revoke(tx, account, connection, kind, caller) : undefined;
  const updated = await updateConnection(tx, connection, {
    ...change,
    provisioning_state: operation === undefined ? "Succeeded" : "Updating",
    etag: operation?.id ?? randomUUID(),
    system_data: mergeSystemData(connection.system_data, caller.systemData),
  });
  if (operation === undefined) await releaseLinks(tx, account.account, connection.name_key, updated.link_ids);
  await recordDecision(tx, {
    account,
    connection: updated,
    action: nameAction(connection.status, updated.status),
    from: connection.status,
    to: updated.status,
    ...(updated.status === connection.status ? {} : { comment: updated.description }),
    caller,
  });
  if (!isNewsForNrp(caller)) await refreshNotice(tx, account, updated, updated.description);
  await publishAccount(tx, account.account);
  return { account, connection: updated, operation };
}

/** An approval without a link id would admit nobody (design 5). */
function assertAdmittable(connection: Pick<Connection, "name" | "status" | "link_ids">): void {
  if (connection.status === "Approved" && connection.link_ids.length === 0) {
    throw new ArmError(
      "LinkIdMissing",
      `The private endpoint connection '${connection.name}' has no link id yet, so it can't be approved.`,
    );
  }
}

/**
 * Claims link ids for a connection.
 *
 * @throws ArmError LinkIdInUse, which doesn't say whose
 */
export async function claim(
  tx: Transaction<Database>,
  account: string,
  nameKey: string,
  linkIds: readonly number[],
): Promise<void> {
  const taken = await claimLinks(tx, account, nameKey, linkIds);
  if (taken.length > 0) {
    throw new ArmError(
      "LinkIdInUse",
      `These link ids belong to another private endpoint connection, or to one that is still being revoked: ${taken.join(", ")}.`,
    );
  }
}

async function assertIdle(tx: Transaction<Database>, connection: Connection): Promise<void> {
  const operation = await findRunningOperation(tx, connection);
  if (operation !== undefined) {
    throw new ArmError(
      "AnotherOperationInProgress",
      `The operation '${operation.id}' is still running on the private endpoint connection '${connection.name}'. Try again when it has ended.`,
    );
  }
}

/** Link ids by which the gates admit. */
function linksInForce(connection: Pick<Connection, "status" | "link_ids">): number[] {
  return connection.status === "Approved" ? connection.link_ids : [];
}

async function revoke(
  tx: Transaction<Database>,
  account: Account,
  connection: Connection,
  kind: OperationKind,
  caller: Caller,
): Promise<OperationRow> {
  return await startOperation(tx, {
    kind,
    account: account.account,
    nameKey: connection.name_key,
    subscriptionId: account.subscription_id,
    location: account.location,
    resourceId: connectionId(account, connection),
    correlationId: caller.correlationId,
  });
}
