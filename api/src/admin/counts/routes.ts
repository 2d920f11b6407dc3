import type { FastifyInstance } from "fastify";
import type { CountStep, DenialGroup, OriginView } from "../../../spec/generated/types.ts";
import { isPlatformEngineer } from "../access/register.ts";
import { nothing, whereVisible } from "../access/visibility.ts";
import { type AdminContext, type Asking, findVisibility } from "../context.ts";
import { handle } from "../routing.ts";
import { readTime } from "../time.ts";
import {
  type CountFilter,
  type DenialRow,
  listDenialGroups,
  listDenialPoints,
  listTrafficOfAccounts,
  listTrafficPoints,
  sumTraffic,
} from "./repository.ts";
import { takeTurns } from "./turns.ts";

interface CountQuery {
  readonly step: CountStep;
  readonly from?: string;
  readonly to?: string;
  readonly account?: string;
  readonly reason?: string;
  readonly connection?: string;
  readonly limit: number;
}

/** Reports that are summed up at one time, for all people together; each takes one connection to the database. */
const SIDE_BY_SIDE = 2;

/**
 * Requests as the gates have told of them: for people those to accounts that they may read; for platform engineers also those to
 * host names that are no account.
 */
export function registerCounts(app: FastifyInstance, context: AdminContext): void {
  const { db } = context.database;
  const inTurn = takeTurns(SIDE_BY_SIDE);

  handle<"Denials_Report", unknown, CountQuery>(app, "Denials_Report", "either", async asking => {
    const { query } = asking;
    const filter = await readFilter(context, asking, query);
    const [points, groups] = await inTurn(async () => [
      await listDenialPoints(db, filter),
      await listDenialGroups(db, filter, query.limit),
    ]);
    return {
      ...describeSpan(filter),
      requests: points.reduce((sum, { requests }) => Math.min(sum + requests, Number.MAX_SAFE_INTEGER), 0),
      series: points.map(({ at, reason, requests }) => ({ at: at.toISOString(), reason, requests })),
      value: groups.map(toDenialGroup),
      omitted: countOmitted(groups),
    };
  });

  handle<"Traffic_Report", unknown, CountQuery>(app, "Traffic_Report", "either", async asking => {
    const { query } = asking;
    const filter = await readFilter(context, asking, query);
    const [total, points, groups] = await inTurn(async () => [
      await sumTraffic(db, filter),
      await listTrafficPoints(db, filter),
      await listTrafficOfAccounts(db, filter, query.limit),
    ]);
    return {
      ...describeSpan(filter),
      total,
      series: points.map(({ at, ...sums }) => ({ at: at.toISOString(), ...sums })),
      value: groups.map(({ groups: _, ...traffic }) => traffic),
      omitted: countOmitted(groups),
    };
  });
}

/** Milliseconds: how long a step is, and what is told of when nobody says from when. */
const STEPS = {
  minute: { length: 60_000, span: 60 * 60_000 },
  hour: { length: 60 * 60_000, span: 24 * 60 * 60_000 },
};

/** An application that is a platform engineer has no accounts. */
async function readFilter(context: AdminContext, asking: Asking, query: CountQuery): Promise<CountFilter> {
  const { step, account, reason, connection } = query;
  const { length, span } = STEPS[step];
  const to = readTime(query.to) ?? new Date();
  const from = readTime(query.from)?.getTime() ?? to.getTime() - span;
  const visible = asking.caller.kind === "person" ? whereVisible(await findVisibility(context, asking), "a") : nothing;
  return {
    ...{ visible, withUnknown: isPlatformEngineer(asking.caller), step, account, reason, connection, to },
    from: new Date(Math.floor(from / length) * length),
  };
}

const describeSpan = ({ step, from, to }: CountFilter) => ({
  step,
  from: from.toISOString(),
  to: to.toISOString(),
});

const countOmitted = (groups: readonly { readonly groups: number }[]): number =>
  (groups[0]?.groups ?? 0) - groups.length;

function toDenialGroup({ account, reason, requests, last_at: lastAt, ...from }: DenialRow): DenialGroup {
  return { account, reason, origin: toOrigin(from), requests, lastAt: lastAt.toISOString() };
}

function toOrigin({ origin: kind, connection, state }: Pick<DenialRow, "origin" | "connection" | "state">): OriginView {
  if (kind !== "connection") return { kind };
  return { kind, connection, ...(state === null ? {} : { state }) };
}
