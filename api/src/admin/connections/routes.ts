import type { FastifyInstance } from "fastify";
import type { ConnectionView } from "../../../spec/generated/types.ts";
import { accountId } from "../../arm/paths.ts";
import type { ConnectionStatus } from "../../database/schema.ts";
import { everything, type Place, whereVisible } from "../access/visibility.ts";
import { type AdminContext, type Asking, findRights, findRightsOf, findVisibility } from "../context.ts";
import { MICROSECONDS, readCursor, TEXT, writeCursor } from "../cursor.ts";
import { notFound } from "../errors.ts";
import { handle } from "../routing.ts";
import { type ConnectionRow, countByState, listConnections, type Sort } from "./repository.ts";
import { toConnectionView } from "./view.ts";

interface ListQuery {
  readonly cursor?: string;
  readonly limit: number;
  readonly state?: readonly ConnectionStatus[];
  readonly account?: string;
  readonly search?: string;
  readonly sort: Sort;
  readonly order: "asc" | "desc";
}

/** The connections of the accounts that the caller may read. */
export function registerConnections(app: FastifyInstance, context: AdminContext): void {
  const { db } = context.database;

  handle<"Connections_List", unknown, ListQuery>(app, "Connections_List", "person", async asking => {
    const { cursor, limit, sort, order, state, account, search } = asking.query;
    const list = ["connections", asking.caller.objectId, sort, order, state, account, search];
    const isTime = sort === "requested" || sort === "changed";
    const after = readCursor(list, cursor, [isTime ? MICROSECONDS : TEXT, TEXT, TEXT]);
    const visibility = await findVisibility(context, asking);
    const filter = { visible: whereVisible(visibility, "a"), state, account, search };
    const [rows, counts] = await Promise.all([
      listConnections(db, filter, { sort, order, after, limit: limit + 1 }),
      countByState(db, filter),
    ]);
    const page = rows.slice(0, limit);
    const rights = await findRightsOf(context, asking, visibility, page.map(placeOf));
    const last = rows.length > limit ? page.at(-1) : undefined;
    return {
      value: page.map(row => toConnectionView(row, rights.get(accountId(placeOf(row))))),
      ...(last === undefined ? {} : { next: writeCursor(list, [last.place, last.account, last.name_key]) }),
      counts,
    };
  });

  handle<"Connections_Get", { account: string; name: string }>(app, "Connections_Get", "person", async asking => {
    const found = await findConnection(context, asking, asking.params.account, asking.params.name);
    if (found === undefined) throw notFound("connection");
    return found.view;
  });
}

/** A connection that the caller may read. */
export interface FoundConnection {
  readonly place: Place;
  readonly row: ConnectionRow;
  readonly view: ConnectionView;
}

/** Undefined when there is none, and when the caller may not read its account. */
export async function findConnection(
  context: AdminContext,
  asking: Asking,
  account: string,
  name: string,
): Promise<FoundConnection | undefined> {
  const filter = { visible: everything, account, name };
  const page = { sort: "name", order: "asc", limit: 1 } as const;
  const [row] = await listConnections(context.database.db, filter, page);
  if (row === undefined) return undefined;
  const place = placeOf(row);
  const rights = await findRights(context, asking, place);
  return rights.read ? { place, row, view: toConnectionView(row, rights) } : undefined;
}

function placeOf(row: ConnectionRow): Place {
  return { subscription_id: row.subscription_id, resource_group: row.resource_group, name: row.account_name };
}
