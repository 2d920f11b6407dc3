import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { type Visibility, whereVisible } from "../access/visibility.ts";
import { type AdminContext, findVisibility } from "../context.ts";
import { MICROSECONDS, readCursor, UUID, writeCursor } from "../cursor.ts";
import { handle } from "../routing.ts";
import { readTime } from "../time.ts";
import { CSV_HEADER, toCsvLine } from "./csv.ts";
import { type DecisionRow, type HistoryFilter, listDecisions } from "./repository.ts";
import { toDecisionView } from "./view.ts";

type FilterQuery = Partial<
  Record<"account" | "connection" | "action" | "by" | "correlationId" | "since" | "until", string>
>;
type ListQuery = FilterQuery & { readonly cursor?: string; readonly limit: number };

/** Rows read at once for the CSV. */
const BATCH = 500;

/** What happened to the accounts that the caller may read. */
export function registerHistory(app: FastifyInstance, context: AdminContext): void {
  const { db } = context.database;

  handle<"History_List", unknown, ListQuery>(app, "History_List", "person", async asking => {
    const { cursor, limit, ...query } = asking.query;
    const list = ["history", asking.caller.objectId, query];
    const after = readCursor(list, cursor, [MICROSECONDS, UUID]);
    const visible = whereVisible(await findVisibility(context, asking), "d");
    const rows = await listDecisions(db, visible, readFilter(query), after, limit + 1);
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return {
      value: page.map(toDecisionView),
      ...(last === undefined ? {} : { next: writeCursor(list, [last.place, last.id]) }),
    };
  });

  handle<"History_Export", unknown, FilterQuery>(app, "History_Export", "person", async asking => {
    const filter = readFilter(asking.query);
    const lines = writeLines(context, await findVisibility(context, asking), filter);
    // The first batch is read before the answer begins, so that what fails then is answered as it should be.
    const first = await lines.next();
    asking.reply
      .type("text/csv; charset=utf-8; header=present")
      .header("content-disposition", 'attachment; filename="linkgate-history.csv"');
    return asking.reply.send(Readable.from(chain(String(first.value ?? ""), lines)));
  });
}

async function* writeLines(
  { database }: AdminContext,
  visibility: Visibility,
  filter: HistoryFilter,
): AsyncGenerator<string, undefined> {
  let head = CSV_HEADER;
  let last: DecisionRow | undefined;
  do {
    const after = last === undefined ? undefined : [last.place, last.id];
    const rows = await listDecisions(database.db, whereVisible(visibility, "d"), filter, after, BATCH);
    yield head + rows.map(row => toCsvLine(toDecisionView(row))).join("");
    head = "";
    last = rows.length < BATCH ? undefined : rows.at(-1);
  } while (last !== undefined);
}

async function* chain(first: string, rest: AsyncGenerator<string, undefined>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

function readFilter({ since, until, ...rest }: FilterQuery): HistoryFilter {
  return { ...rest, since: readTime(since), until: readTime(until) };
}
