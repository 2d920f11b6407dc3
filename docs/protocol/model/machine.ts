import { makeRegistry } from "./faults.ts";
import { admits, isAlive } from "./gate.ts";
import { listMoves } from "./moves.ts";
import type { Machine } from "./search.ts";
import type { Gate, State } from "./state.ts";
import { tidy } from "./tidy.ts";
import type { World } from "./world.ts";

/** The protocol in a world, ready to be searched. */
export function makeMachine(world: World): Machine<State> {
  return {
    start: makeStart(world),
    moves: state => listMoves(world, state),
    findBroken: state => findBroken(world, state),
    goals: {
      L1: state => state.gates.every(gate => !gate.isUp || hasConverged(gate, state)),
      L2: ({ registry }) => registry.operations.every(operation => operation?.state !== "running"),
    },
    format: state => JSON.stringify(state),
  };
}

/** The invariants of README.md, each in one line. */
function findBroken(world: World, { gates, isGone, isReused }: State): string | undefined {
  const isStaying = (account: number): boolean =>
    !world.writings.some(writing => writing.deed === "remove" && writing.account === account);
  if (isReused && gates.some(gate => admits(gate, 0))) return isGone[0] ? "I1" : "I2";
  if (isGone.some((gone, account) => gone && gates.some(gate => admits(gate, account)))) return "I1";
  if (gates.some(gate => gate.request === "admitted")) return "I1";
  const isPartial = ({ table }: Gate): boolean =>
    table?.entries.some((entry, account) => isStaying(account) && entry === null) ?? false;
  if (gates.some(isPartial)) return "I3";
  return undefined;
}

/** L1: the table is whole, alive, and says what the registry says. */
function hasConverged({ table }: Gate, { registry }: State): boolean {
  if (table === null || !isAlive(table)) return false;
  return registry.rows.every(({ entry }, account) => {
    const held = table.entries[account];
    if (!entry.there) return held == null || !held.there;
    return held?.there === true && held.link === entry.link && held.version === entry.version;
  });
}

function makeStart(world: World): State {
  const makeGate = (kind: World["gates"][number], g: number): Gate => ({
    isUp: kind !== "down",
    incarnation: kind === "down" ? -1 : g,
    maxAge: world.ages[0],
    table:
      kind !== "loaded"
        ? null
        : {
            entries: [
              { version: 1, there: true, link: true },
              { version: 1, there: true, link: true },
            ],
            age: 0,
            maxAge: world.ages[0],
          },
    cursor: kind !== "loaded" ? null : { sweep: { max: 1, open: [] }, base: null, after: null, isKnown: true, id: 0 },
    sweepAge: null,
    load: null,
    poll: null,
    other: null,
    isOtherFollower: false,
    request: "none",
    farewell: null,
  });
  return tidy(world, {
    registry: makeRegistry(world),
    gates: world.gates.map(makeGate),
    isGone: [false, false],
    isReused: false,
    left: { ...world.left },
  });
}
