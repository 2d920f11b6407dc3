import { commit } from "./api.ts";
import { ANY_ID, type Cursor, type Gate, type Poll, pollsOf, type Registry, rowOf, type State } from "./state.ts";
import type { AddMove, Fault, World } from "./world.ts";

// What befalls the registry: crashes, lost cursors, and a restore.

export function addFaultsOfRegistry(world: World, state: State, add: AddMove): void {
  const has = (fault: Fault): boolean => world.faults.includes(fault);
  const isServing = state.gates.some(gate => pollsOf(gate).some(isAtApi));
  if (has("api crash") && isServing) add("the api is killed", "world", next => next.gates.forEach(endServing));
  if (has("database crash")) add("the database is killed", "world", crash);
  if (has("forget")) add("the registry forgets its cursors", "world", next => forgetCursors(world, next));
  if (state.left.restores > 0) add("the database is restored", "world", next => restore(world, next));
  if (state.registry.isHeld) add("a person reconciles the registry and releases it", "system", release);
}

const isAtApi = (poll: Poll): boolean => poll.at === "recorded";

/** What the api was answering comes to nothing; the gate sees an error. */
function endServing(gate: Gate): void {
  if (gate.poll !== null && isAtApi(gate.poll)) gate.poll = null;
  if (gate.other !== null && isAtApi(gate.other)) gate.other = null;
}

/** PostgreSQL hands out the ids above the last durable one again (rule 5). */
function crash(state: State): void {
  const { registry, gates } = state;
  gates.forEach(endServing);
  for (const writing of registry.writings) {
    if (writing.state === "open") Object.assign(writing, { state: "idle", version: 0, live: [] });
  }
  registry.gates = registry.gates.map(row => (row?.isDurable === false ? null : row));
  registry.next = registry.floor;
  registry.edge = registry.floor;
}

function forgetCursors({ without }: World, { gates }: State): void {
  // Those that are believed all the same tell of ids of another history, which are handed out again.
  const sweep = without === "6 remember" ? { max: ANY_ID, open: [] } : { max: 0, open: [] };
  const forget = (cursor: Cursor): Cursor => ({ ...cursor, isKnown: false, sweep, base: cursor.base && sweep });
  for (const gate of gates) {
    gate.cursor = gate.cursor && forget(gate.cursor);
    for (const poll of pollsOf(gate)) {
      if (poll.at === "sent") poll.cursor = poll.cursor && forget(poll.cursor); // else the api has read it already
      if (poll.answer?.kind === "page") poll.answer.cursor = forget(poll.answer.cursor);
    }
  }
}

/** All that was committed is gone, but not what Azure and the gates know; rules 8 and 9. */
function restore(world: World, state: State): void {
  const { without } = world;
  state.gates.forEach(endServing);
  state.left.restores -= 1;
  state.registry = makeRegistry(world);
  const { registry } = state;
  forgetCursors(world, state);
  if (without === "8 epoch") return;
  for (const row of registry.rows) row.writer = registry.next;
  for (const row of registry.gates) if (row !== null) row.acknowledged = null;
  commit(registry);
  registry.isHeld = without !== "9 hold";
  registry.sinceRestore = 0;
}

/** What Azure has ended stays ended, whatever the restored registry says. */
function release({ registry, isGone }: State): void {
  const id = registry.next++;
  for (const account of registry.rows.keys()) {
    const row = rowOf(registry, account);
    if (!isGone[account] || !row.entry.link) continue;
    row.entry.link = false;
    row.entry.version += 1;
    row.writer = id;
  }
  commit(registry, id);
  registry.isHeld = false;
}

/** The registry at the beginning: both links are approved, and the gates that have a table have acknowledged it. */
export function makeRegistry({ writings, gates, incarnations, faults, ages }: World): Registry {
  const makeRow = () => ({ entry: { version: 1, there: true, link: true }, writer: 0 });
  return {
    next: 1,
    edge: 1,
    floor: 1,
    writings: writings.map(() => ({ state: "idle", writer: 0, version: 0, live: [] })),
    rows: [makeRow(), makeRow()],
    gates: Array.from({ length: incarnations }, (_, incarnation) =>
      gates[incarnation] !== "loaded"
        ? null
        : {
            state: "live",
            acknowledged: { max: 1, open: [] },
            silent: 0,
            maxAge: ages[0],
            handed: faults.includes("reconfigure") ? [{ id: 0, maxAge: ages[0] }] : [],
            isDurable: true,
          },
    ),
    operations: [null, null],
    isHeld: false,
    sinceRestore: null,
  };
}
