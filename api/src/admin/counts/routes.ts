import type { FastifyInstance } from "fastify";
import type { CountStep, TrafficSums } from "../../../spec/generated/types.ts";
import { Refusal } from "../../feed/refusal.ts";
import type { AdminContext } from "../context.ts";
import { handle } from "../routing.ts";

interface CountQuery {
  readonly step: CountStep;
  readonly from?: string;
  readonly to?: string;
}

/** Requests as the gates have told of them: those that they denied, and all of them. */
export function registerCounts(app: FastifyInstance, _context: AdminContext): void {
  handle<"Denials_Report", unknown, CountQuery>(app, "Denials_Report", "either", async ({ query }) => {
    return { ...readSpan(query), requests: 0, series: [], value: [], omitted: 0 };
  });

  handle<"Traffic_Report", unknown, CountQuery>(app, "Traffic_Report", "either", async ({ query }) => {
    return { ...readSpan(query), total: NO_TRAFFIC, series: [], value: [], omitted: 0 };
  });
}

/** Before any gate has told of something. */
export const NO_TRAFFIC: TrafficSums = { requests: 0, admitted: 0, denied: 0, bytes: 0 };

/** Milliseconds. */
const STEPS = {
  minute: { length: 60_000, span: 60 * 60_000 },
  hour: { length: 60 * 60_000, span: 24 * 60 * 60_000 },
};

/** What a query asks for: whole steps. */
function readSpan({ step, from, to }: CountQuery): { step: CountStep; from: string; to: string } {
  const { length, span } = STEPS[step];
  const end = readTime(to) ?? Date.now();
  const begin = readTime(from) ?? end - span;
  return {
    step,
    from: new Date(Math.floor(begin / length) * length).toISOString(),
    to: new Date(end).toISOString(),
  };
}

/** RFC 3339 allows days that no calendar has. */
function readTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new Refusal(400, "BadRequest", `'${text}' is no time`);
  return time;
}
