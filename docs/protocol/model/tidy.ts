import { ANY_ID, type Cursor, type Gate, pollsOf, type Snapshot, type State } from "./state.ts";
import type { World } from "./world.ts";

/** Makes equal what nothing that follows can tell apart: the fewer states, the more scenarios can be searched to the end. */
export function tidy(world: World, state: State): State {
  for (const gate of state.gates) forgetLatePoll(world, state, gate);
  forgetUnusedGates(state);
  if (isSettled(state)) for (const row of state.registry.gates) if (row !== null) row.silent = 0;
  if (world.without !== "10 name") renumberIncarnations(state);
  renumberIds(state);
  renumberCursors(state);
  return state;
}

/** Of a poll whose answer nobody waits for only that matters what it does at the api; if its gate is over, that is nothing. */
function forgetLatePoll({ without, faults }: World, { registry }: State, gate: Gate): void {
  const { other, isOtherFollower } = gate;
  if (other === null || isOtherFollower || without === "17 current") return;
  const row = registry.gates[other.incarnation] ?? null;
  const isOver = row !== null && row.state !== "live" && without !== "25 refuse" && without !== "22 final";
  const isPageUsed = faults.includes("reconfigure") || faults.includes("database crash");
  if (!isOver && (other.at === "sent" || (other.at === "recorded" && isPageUsed))) {
    Object.assign(other, { age: 0, load: "no", isCurrent: false, isSameGeneration: false });
  } else gate.other = null;
}

/** Nothing is revoked, and nothing will be: nobody asks how long a gate has been silent. */
const isSettled = ({ registry, left }: State): boolean =>
  left.restores === 0 &&
  registry.writings.every(writing => writing.state === "done") &&
  registry.operations.every(operation => operation?.state !== "running");

/** Of an incarnation that is over only that matters; when no message of it is left, not even that. */
function forgetUnusedGates({ registry, gates }: State): void {
  for (const [incarnation, row] of registry.gates.entries()) {
    if (row === null || row.state === "live") continue;
    Object.assign(row, { acknowledged: null, silent: 0, maxAge: 0, handed: [] });
    const isUsed = gates.some(
      gate =>
        (gate.isUp && gate.incarnation === incarnation) || pollsOf(gate).some(poll => poll.incarnation === incarnation),
    );
    if (!isUsed) registry.gates[incarnation] = null;
  }
}

/** Which incarnation has which number does not matter: those of the gates come first, then those of messages. */
function renumberIncarnations({ registry, gates }: State): void {
  const used = [
    ...gates.map(gate => gate.incarnation),
    ...gates.map(gate => gate.farewell ?? -1),
    ...gates.flatMap(gate => pollsOf(gate).map(poll => poll.incarnation)),
    ...registry.gates.keys(),
  ];
  const order = [...new Set(used)].filter(incarnation => incarnation >= 0);
  if (order.every((incarnation, i) => incarnation === i)) return;
  const renumber = (incarnation: number): number => order.indexOf(incarnation);
  registry.gates = order.map(incarnation => registry.gates[incarnation] ?? null);
  for (const writing of registry.writings) writing.live = writing.live.map(renumber).sort();
  for (const operation of registry.operations) {
    if (operation !== null) operation.gates = operation.gates?.map(renumber).sort() ?? null;
  }
  for (const gate of gates) {
    gate.incarnation = renumber(gate.incarnation);
    if (gate.farewell !== null) gate.farewell = renumber(gate.farewell);
    for (const poll of pollsOf(gate)) poll.incarnation = renumber(poll.incarnation);
  }
}

/**
 * Transaction ids only matter by their order, and only those that something is compared with: the writers of rows, of open
 * transactions and of running operations, and the one that would be handed out after a crash. They become 0, 1, 2...
 */
function renumberIds(state: State): void {
  const { registry } = state;
  for (const operation of registry.operations) if (operation?.state === "done") operation.writer = 0;
  for (const writing of registry.writings) if (writing.state !== "open") writing.writer = 0;
  const ids = [
    registry.floor,
    ...registry.rows.map(row => row.writer),
    ...registry.writings.filter(writing => writing.state === "open").map(writing => writing.writer),
    ...registry.operations.flatMap(operation => (operation?.state === "running" ? [operation.writer] : [])),
  ].sort((a, b) => a - b);
  const distinct = ids.filter((id, i) => id !== ids[i - 1]);
  const rank = (id: number): number => distinct.reduce((below, other) => (other < id ? below + 1 : below), 0);
  const renumber = (snapshot: Snapshot | null): void => {
    if (snapshot === null) return;
    snapshot.open = snapshot.open.filter(id => distinct.includes(id)).map(rank);
    snapshot.max = snapshot.max >= ANY_ID ? ANY_ID : rank(snapshot.max);
  };
  const renumberCursor = (cursor: Cursor | null): void => {
    renumber(cursor?.sweep ?? null);
    renumber(cursor?.base ?? null);
  };

  for (const gate of registry.gates) renumber(gate?.acknowledged ?? null);
  for (const gate of state.gates) {
    renumberCursor(gate.cursor);
    for (const poll of pollsOf(gate)) {
      renumberCursor(poll.cursor);
      renumber(poll.snapshot);
      if (poll.answer?.kind === "page") renumberCursor(poll.answer.cursor);
    }
  }
  for (const row of registry.rows) row.writer = rank(row.writer);
  for (const writing of registry.writings) if (writing.state === "open") writing.writer = rank(writing.writer);
  for (const operation of registry.operations)
    if (operation?.state === "running") operation.writer = rank(operation.writer);
  registry.next = rank(registry.next);
  registry.edge = rank(registry.edge);
  registry.floor = rank(registry.floor);
}

/** Cursors' ids matter by their order only. */
function renumberCursors({ registry, gates }: State): void {
  const holders: { id: number }[] = registry.gates.flatMap(gate => gate?.handed ?? []);
  for (const gate of gates) {
    if (gate.cursor !== null) holders.push(gate.cursor);
    for (const poll of pollsOf(gate)) {
      if (poll.cursor !== null) holders.push(poll.cursor);
      if (poll.answer?.kind === "page") holders.push(poll.answer.cursor);
    }
  }
  const ids = [...new Set(holders.map(holder => holder.id))].sort((a, b) => a - b);
  for (const holder of holders) holder.id = ids.indexOf(holder.id);
}
