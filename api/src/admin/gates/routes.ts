import type { FastifyInstance } from "fastify";
import type { Gate } from "../../../spec/generated/types.ts";
import { retireGate } from "../../gates/repository.ts";
import { isPlatformEngineer } from "../access/register.ts";
import { everything, whereVisible } from "../access/visibility.ts";
import { type AdminContext, findVisibility } from "../context.ts";
import { notFound } from "../errors.ts";
import { handle } from "../routing.ts";
import { type GateStanding, listGates } from "./repository.ts";

/** Gates and what is in force there: for everybody as far as it is theirs, for platform engineers all of it. */
export function registerGates(app: FastifyInstance, context: AdminContext): void {
  const { db } = context.database;

  handle(app, "Gates_List", "either", async asking => {
    const { caller } = asking;
    if (isPlatformEngineer(caller)) return { value: (await listGates(db, everything)).map(toGateView) };
    const visibility = await findVisibility(context, asking);
    const hasNothing = Object.values(visibility).every(scopes => scopes.size === 0);
    return { value: hasNothing ? [] : (await listGates(db, whereVisible(visibility, "a"))).map(toGateView) };
  });

  /** Feed rule 25: vouches that the process is gone. A wrong vouch is unsafe until that process asks for the feed again. */
  handle<"Gates_Retire", { incarnation: string }>(app, "Gates_Retire", "platform-engineer", async asking => {
    const { incarnation } = asking.params;
    const gate = await retireGate(db, incarnation);
    if (gate === undefined) throw notFound("gate");
    asking.raw.log.warn(
      {
        incarnation,
        gate: gate.gate,
        state: gate.state,
        by: asking.caller.objectId,
        correlationId: asking.correlationId,
      },
      "gate retired",
    );
    const [standing] = await listGates(db, everything, incarnation);
    if (standing === undefined) throw notFound("gate");
    return toGateView(standing);
  });
}

function toGateView(gate: GateStanding): Gate {
  return {
    name: gate.gate,
    incarnation: gate.incarnation,
    state: gate.state,
    version: gate.version,
    reportedAt: gate.reported_at?.toISOString() ?? null,
    heardAt: gate.heard_at.toISOString(),
    maxAge: gate.max_age,
    lost: gate.lost,
    behind: gate.behind,
    waiting: [...gate.waiting],
  };
}
