import type { FastifyInstance } from "fastify";
import { announceOperation, publicUrl } from "../arm/async.ts";
import { readBody } from "../arm/body.ts";
import type { ArmContext } from "../arm/context.ts";
import { ACCOUNT_PATH, type AccountPath, GROUP_ACCOUNTS_PATH, SUBSCRIPTION_ACCOUNTS_PATH } from "../arm/paths.ts";
import { quoteEtag } from "../arm/preconditions.ts";
import { readCaller } from "../arm/system-data.ts";
import { listConnections, listConnectionsOf } from "../connections/repository.ts";
import { accountDocument } from "./document.ts";
import { checkAccountName } from "./names.ts";
import { type Account, listAccounts } from "./repository.ts";
import { accountBody, accountPatch } from "./schema.ts";
import { deleteAccount, patchAccount, putAccount, requireAccount } from "./service.ts";
import { readSkipToken, writeSkipToken } from "./skip-token.ts";

/** Accounts on one page of a list; with 5 connections each well below ARM's 8 MB. */
export const PAGE_SIZE = 100;

interface Scope {
  subscriptionId: string;
  resourceGroup?: string;
}

/** `Microsoft.HealthcareApis/services`: PUT, PATCH, GET, DELETE and the two lists. */
export function registerAccounts(app: FastifyInstance, context: ArmContext): void {
  const { db } = context.database;

  app.put<{ Params: AccountPath }>(ACCOUNT_PATH, async (request, reply) => {
    checkAccountName(request.params.account);
    const body = readBody(request, accountBody);
    const { account, created } = await db
      .transaction()
      .execute(tx => putAccount(tx, request.params, body, request.headers, readCaller(request)));
    reply.status(created ? 201 : 200).header("etag", quoteEtag(account.etag));
    return await describe(account);
  });

  app.patch<{ Params: AccountPath }>(ACCOUNT_PATH, async (request, reply) => {
    await requireAccount(db, request.params);
    const patch = readBody(request, accountPatch);
    const account = await db
      .transaction()
      .execute(tx => patchAccount(tx, request.params, patch, request.headers, readCaller(request)));
    reply.header("etag", quoteEtag(account.etag));
    return await describe(account);
  });

  app.get<{ Params: AccountPath }>(ACCOUNT_PATH, async (request, reply) => {
    const account = await requireAccount(db, request.params);
    reply.header("etag", quoteEtag(account.etag));
    return await describe(account);
  });

  app.delete<{ Params: AccountPath }>(ACCOUNT_PATH, async (request, reply) => {
    const operation = await db
      .transaction()
      .execute(tx => deleteAccount(tx, request.params, request.headers, readCaller(request)));
    announceOperation(request, reply, operation, context.retryAfter, "empty");
    return reply.status(operation === undefined ? 204 : 202).send();
  });

  for (const path of [GROUP_ACCOUNTS_PATH, SUBSCRIPTION_ACCOUNTS_PATH]) {
    app.get<{ Params: Scope; Querystring: Record<string, unknown> }>(path, async request => {
      const after = readSkipToken(request.query);
      const rows = await listAccounts(db, request.params, after, PAGE_SIZE + 1);
      const page = rows.slice(0, PAGE_SIZE);
      const connections = await listConnectionsOf(
        db,
        page.map(account => account.account),
      );
      const value = page.map(account =>
        accountDocument(
          account,
          connections.filter(connection => connection.account === account.account),
        ),
      );
      const last = page.at(-1);
      if (rows.length <= PAGE_SIZE || last === undefined) return { value };
      return { value, nextLink: writeSkipToken(publicUrl(request), last) };
    });
  }

  async function describe(account: Account): Promise<object> {
    return accountDocument(account, await listConnections(db, account.account));
  }
}
