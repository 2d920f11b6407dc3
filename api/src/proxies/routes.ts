import type { FastifyInstance } from "fastify";
import { requireAccount } from "../accounts/service.ts";
import { announceOperation } from "../arm/async.ts";
import { readBody } from "../arm/body.ts";
import { NRP_ONLY } from "../arm/caller.ts";
import type { ArmContext } from "../arm/context.ts";
import { type AccountPath, type ChildPath, PROXIES_PATH } from "../arm/paths.ts";
import { quoteEtag } from "../arm/preconditions.ts";
import { readCaller } from "../arm/system-data.ts";
import { listConnections } from "../connections/repository.ts";
import { deleteConnection } from "../connections/service.ts";
import { proxyDocument } from "./document.ts";
import { endpointUpdate, proxyBody, readProxyRequest } from "./schema.ts";
import { checkProxyName, moveEndpoint, putProxy, requireProxy, validateProxy } from "./service.ts";

/** `privateEndpointConnectionProxies` of an account: NRP's view, all verbs NRP's alone (design 5). */
export function registerProxies(app: FastifyInstance, context: ArmContext): void {
  const { db } = context.database;
  const PROXY_PATH = `${PROXIES_PATH}/:name`;

  app.post<{ Params: ChildPath }>(`${PROXY_PATH}/validate`, NRP_ONLY, async (request, reply) => {
    const account = await requireAccount(db, request.params);
    checkProxyName(request.params.name);
    readProxyRequest(readBody(request, proxyBody));
    await validateProxy(db, account, request.params.name, context.maxConnections);
    return reply.status(200).send();
  });

  app.put<{ Params: ChildPath }>(PROXY_PATH, NRP_ONLY, async (request, reply) => {
    await requireAccount(db, request.params);
    checkProxyName(request.params.name);
    const proxyRequest = readProxyRequest(readBody(request, proxyBody));
    const { account, connection, operation, created } = await db
      .transaction()
      .execute(tx =>
        putProxy(tx, request.params, proxyRequest, readCaller(request), context.maxConnections, request.headers),
      );
    announceOperation(request, reply, operation, context.retryAfter, "body");
    reply.status(created ? 201 : 200).header("etag", quoteEtag(connection.etag));
    return proxyDocument(account, connection, context.zones);
  });

  app.get<{ Params: ChildPath }>(PROXY_PATH, NRP_ONLY, async (request, reply) => {
    const account = await requireAccount(db, request.params);
    const connection = await requireProxy(db, account, request.params);
    reply.header("etag", quoteEtag(connection.etag));
    return proxyDocument(account, connection, context.zones);
  });

  app.post<{ Params: ChildPath }>(`${PROXY_PATH}/updatePrivateEndpointProperties`, NRP_ONLY, async (request, reply) => {
    await requireProxy(db, await requireAccount(db, request.params), request.params);
    const update = readBody(request, endpointUpdate);
    await db.transaction().execute(tx => moveEndpoint(tx, request.params, update, readCaller(request)));
    return reply.status(200).send();
  });

  app.get<{ Params: AccountPath }>(PROXIES_PATH, NRP_ONLY, async request => {
    const account = await requireAccount(db, request.params);
    const connections = await listConnections(db, account.account);
    return { value: connections.map(connection => proxyDocument(account, connection, context.zones)) };
  });

  app.delete<{ Params: ChildPath }>(PROXY_PATH, NRP_ONLY, async (request, reply) => {
    const operation = await db
      .transaction()
      .execute(tx => deleteConnection(tx, request.params, readCaller(request), request.headers));
    announceOperation(request, reply, operation, context.retryAfter, "empty");
    return reply.status(operation === undefined ? 204 : 202).send();
  });
}
