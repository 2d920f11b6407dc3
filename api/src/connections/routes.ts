import type { FastifyInstance } from "fastify";
import { requireAccount } from "../accounts/service.ts";
import { announceOperation } from "../arm/async.ts";
import { readBody } from "../arm/body.ts";
import { NRP_ONLY } from "../arm/caller.ts";
import type { ArmContext } from "../arm/context.ts";
import { resourceNotFound } from "../arm/errors.ts";
import {
  type AccountPath,
  type ChildPath,
  CONNECTIONS_PATH,
  LINK_RESOURCES_PATH,
  requestedAccountId,
} from "../arm/paths.ts";
import { readCaller } from "../arm/system-data.ts";
import { connectionDocument } from "./document.ts";
import { GROUP_ID, linkResourceDocument } from "./link-resources.ts";
import { listConnections } from "./repository.ts";
import { connectionBody } from "./schema.ts";
import { decideConnection, deleteConnection, requireConnection } from "./service.ts";

/** `privateEndpointConnections` and `privateLinkResources` of an account. */
export function registerConnections(app: FastifyInstance, context: ArmContext): void {
  const { db } = context.database;
  const CONNECTION_PATH = `${CONNECTIONS_PATH}/:name`;
  const writers = context.customerWrites ? {} : NRP_ONLY;

  app.get<{ Params: AccountPath }>(CONNECTIONS_PATH, async request => {
    const account = await requireAccount(db, request.params);
    const connections = await listConnections(db, account.account);
    return { value: connections.map(connection => connectionDocument(account, connection)) };
  });

  app.get<{ Params: ChildPath }>(CONNECTION_PATH, async request => {
    const account = await requireAccount(db, request.params);
    return connectionDocument(account, await requireConnection(db, account, request.params));
  });

  // Clients accept 200 alone here, with a body, also while a rejection waits for the gates (clients.md, decision 2).
  app.put<{ Params: ChildPath }>(CONNECTION_PATH, writers, async (request, reply) => {
    await requireConnection(db, await requireAccount(db, request.params), request.params);
    const body = readBody(request, connectionBody);
    const { account, connection, operation } = await db
      .transaction()
      .execute(tx => decideConnection(tx, request.params, body, readCaller(request), request.headers));
    announceOperation(request, reply, operation, context.retryAfter, "body");
    return connectionDocument(account, connection);
  });

  app.delete<{ Params: ChildPath }>(CONNECTION_PATH, writers, async (request, reply) => {
    const operation = await db
      .transaction()
      .execute(tx => deleteConnection(tx, request.params, readCaller(request), request.headers));
    announceOperation(request, reply, operation, context.retryAfter, "empty");
    return reply.status(operation === undefined ? 204 : 202).send();
  });

  app.get<{ Params: AccountPath }>(LINK_RESOURCES_PATH, async request => {
    const account = await requireAccount(db, request.params);
    return { value: [linkResourceDocument(account, context.zones)] };
  });

  app.get<{ Params: ChildPath }>(`${LINK_RESOURCES_PATH}/:name`, async request => {
    const account = await requireAccount(db, request.params);
    if (request.params.name.toLowerCase() !== GROUP_ID) {
      throw resourceNotFound(`${requestedAccountId(request.params)}/privateLinkResources/${request.params.name}`);
    }
    return linkResourceDocument(account, context.zones);
  });
}
