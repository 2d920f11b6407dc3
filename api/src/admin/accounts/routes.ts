import type { FastifyInstance } from "fastify";
import type { AccountView } from "../../../spec/generated/types.ts";
import { accountId } from "../../arm/paths.ts";
import { NO_RIGHTS, type Rights } from "../access/actions.ts";
import { everything, whereVisible } from "../access/visibility.ts";
import { toRightsView } from "../connections/view.ts";
import { type AdminContext, findRights, findRightsOf, findVisibility } from "../context.ts";
import { readCursor, TEXT, writeCursor } from "../cursor.ts";
import { notFound } from "../errors.ts";
import { handle } from "../routing.ts";
import { type AccountRow, listAccounts } from "./repository.ts";

interface ListQuery {
  readonly cursor?: string;
  readonly limit: number;
  readonly search?: string;
}

/** The accounts that the caller may read. */
export function registerAccounts(app: FastifyInstance, context: AdminContext): void {
  const { db } = context.database;

  handle<"Accounts_List", unknown, ListQuery>(app, "Accounts_List", "person", async asking => {
    const { search, limit, cursor } = asking.query;
    const list = ["accounts", asking.caller.objectId, search];
    const [after] = readCursor(list, cursor, [TEXT]) ?? [];
    const visibility = await findVisibility(context, asking);
    const rows = await listAccounts(db, whereVisible(visibility, "a"), { search }, after, limit + 1);
    const page = rows.slice(0, limit);
    const rights = await findRightsOf(context, asking, visibility, page);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return {
      value: page.map(row => toAccountView(context, row, rights.get(accountId(row)))),
      ...(last === undefined ? {} : { next: writeCursor(list, [last.account]) }),
    };
  });

  handle<"Accounts_Get", { account: string }>(app, "Accounts_Get", "person", async asking => {
    const row = await findAccount(context, asking.params.account);
    const rights = row === undefined ? NO_RIGHTS : await findRights(context, asking, row);
    if (row === undefined || !rights.read) throw notFound("account");
    return toAccountView(context, row, rights);
  });
}

/** Whether the caller may see it is still to be asked. */
async function findAccount({ database }: AdminContext, account: string): Promise<AccountRow | undefined> {
  return (await listAccounts(database.db, everything, { account }, undefined, 1))[0];
}

function toAccountView(
  { zones, maxConnections }: AdminContext,
  row: AccountRow,
  rights: Rights = NO_RIGHTS,
): AccountView {
  const counts = { Pending: 0, Approved: 0, Rejected: 0, Disconnected: 0, ...row.counts };
  return {
    id: accountId(row),
    account: row.account,
    name: row.name,
    subscriptionId: row.subscription_id,
    resourceGroup: row.resource_group,
    location: row.location,
    kind: row.kind,
    provisioningState: row.provisioning_state,
    publicNetworkAccess: row.public_network_access,
    publicHosts: zones.map(zone => `${row.account}.${zone.public}`),
    privateHosts: zones.map(zone => `${row.account}.${zone.private}`),
    connectionsUsed: counts.Pending + counts.Approved + counts.Rejected,
    connectionsMaximum: maxConnections,
    connectionCounts: counts,
    lastDay: row.last_day,
    rights: toRightsView(rights),
  };
}
