import { canGiveUp, canPass } from "./api.ts";
import { addFaultsOfRegistry } from "./faults.ts";
import { endProcess, failToWrite, findFreeIncarnation, holdsLink, isAlive, pageOf } from "./gate.ts";
import { addMessages, describeNext } from "./messages.ts";
import { addWritings } from "./people.ts";
import type { Move } from "./search.ts";
import { copy, type Gate, gateOf, pollsOf, type State } from "./state.ts";
import { tidy } from "./tidy.ts";
import { type AddMove, accountName, type Fault, gateName, largestAge, type World } from "./world.ts";

/** Everything that can happen next. */
export function listMoves(world: World, state: State): Move<State>[] {
  const moves: Move<State>[] = [];
  const add: AddMove = (name, by, change) => {
    const next = copy(state);
    change(next);
    moves.push({ name, isProgress: by === "system", next: tidy(world, next) });
  };
  addWritings(world, state, add);
  addBarrier(world, state, add);
  for (const g of state.gates.keys()) {
    addMessages(world, state, g, add);
    addFaultsOfGate(world, state, g, add);
    addProcess(world, state, g, add);
    addRequest(world, state, g, add);
  }
  if (world.hasClock) addTicks(world, state, add);
  addFaultsOfRegistry(world, state, add);
  return moves;
}

/** Rules 23 and 24. */
function addBarrier(world: World, { registry, gates }: State, add: AddMove): void {
  for (const account of registry.operations.keys()) {
    if (!canPass(world, registry, account)) continue;
    add(`the barrier for ${accountName(account)}'s link passes: it is reported as gone`, "system", next => {
      const operation = next.registry.operations[account];
      if (operation != null) Object.assign(operation, { state: "done", gates: null });
      next.isGone[account] = true;
    });
  }
  for (const incarnation of registry.gates.keys()) {
    if (!canGiveUp(world, registry, incarnation)) continue;
    const g = gates.findIndex(gate => gate.isUp && gate.incarnation === incarnation);
    add(`${g < 0 ? "an incarnation that has ended" : gateName(g)} is given up`, "system", next => {
      const row = next.registry.gates[incarnation];
      if (row != null) row.state = "given up";
    });
  }
}

function addFaultsOfGate(world: World, state: State, g: number, add: AddMove): void {
  const has = (fault: Fault): boolean => world.faults.includes(fault);
  const { isUp, poll, other, maxAge } = gateOf(state, g);
  const name = gateName(g);
  const change = (sentence: string, act: (gate: Gate, next: State) => void): void =>
    add(sentence, "world", next => act(gateOf(next, g), next));
  if (has("reconfigure") && isUp && state.left.changes > 0) {
    const [first, second] = world.ages;
    const wanted = maxAge === first ? second : first;
    change(`${name}'s age limit becomes ${wanted}`, (gate, { left }) => {
      left.changes -= 1;
      gate.maxAge = wanted;
    });
  }
  if (poll === null) return;
  if (has("timeout") && poll.at !== "writing") {
    change(`${name} waits no longer for the answer`, gate => {
      gate.other = gate.poll;
      gate.isOtherFollower = false;
      gate.poll = null;
    });
  }
  if (has("double") && poll.at === "sent" && other === null) {
    change(`${name}'s poll is doubled`, gate => {
      gate.other = copy(gate.poll);
      gate.isOtherFollower = false;
    });
  }
  if (has("error") && poll.at === "sent") {
    change(`${name} gets an error from somebody in between`, gate => {
      if (gate.poll !== null) Object.assign(gate.poll, { at: "answered", answer: { kind: "error" } });
    });
  }
  if (has("follower")) {
    change(`${name}'s follower is stopped; another takes over`, gate => {
      gate.other = gate.poll;
      gate.isOtherFollower = true;
      gate.poll = null;
    });
  }
  if (has("full memory") && poll.at === "writing" && pageOf(poll).entries[poll.written]?.account === 0) {
    change(`${name} can't write ${describeNext(poll)}: memory is full`, gate => {
      if (gate.poll !== null) failToWrite(world, gate, gate.poll);
    });
  }
}

/** A process ends and another one starts; the supervisor says goodbye for the one that it saw end (rules 11 and 22). */
function addProcess(world: World, state: State, g: number, add: AddMove): void {
  const { isUp, incarnation, farewell } = gateOf(state, g);
  const name = gateName(g);
  if (world.faults.includes("machine") && isUp) {
    add(`${name}'s machine dies`, "world", next => {
      endProcess(gateOf(next, g));
      gateOf(next, g).farewell = null;
    });
  }
  if (!world.faults.includes("process")) return;
  if (isUp && farewell === null) add(`${name} ends`, "world", next => endProcess(gateOf(next, g)));
  if (!isUp && state.left.starts > 0) {
    add(`${name} starts`, "world", next => {
      next.left.starts -= 1;
      const gate = gateOf(next, g);
      gate.incarnation = findFreeIncarnation(next);
      gate.isUp = true;
    });
  }
  const leaving = world.without === "22 after" && isUp ? incarnation : farewell;
  if (leaving === null) return;
  add(`goodbye is said for ${name}`, "system", ({ registry, gates }) => {
    const row = registry.gates[leaving];
    const isHeardOf = gates.some(gate => pollsOf(gate).some(poll => poll.incarnation === leaving));
    if (row != null) row.state = row.state === "live" ? "ended" : row.state;
    else if (isHeardOf) {
      const fresh = { acknowledged: null, silent: 0, maxAge: 0, handed: [], isDurable: true };
      registry.gates[leaving] = { state: "ended", ...fresh };
    }
    for (const gate of gates) if (gate.farewell === leaving) gate.farewell = null;
  });
}

/** A request that begins when a's link is gone for good; rule 18: it reads the age first, then the record. */
function addRequest(world: World, state: State, g: number, add: AddMove): void {
  if (!world.faults.includes("slow request")) return;
  const { request, table } = gateOf(state, g);
  const isRecordFirst = world.without === "18 read";
  const age = table !== null && isAlive(table);
  const record = table !== null && holdsLink(table.entries[0]);
  const [first, second] = isRecordFirst ? [record, age] : [age, record];
  const [read, readNext] = isRecordFirst ? ["the record", "the age"] : ["the age", "the record"];
  const set = (sentence: string, value: Gate["request"]): void =>
    add(sentence, "world", next => {
      gateOf(next, g).request = value;
    });
  if (request === "none" && state.isGone[0] === true && first) {
    set(`a request by a's link begins at ${gateName(g)} and reads ${read}`, "half");
  }
  if (request === "half") {
    set(`the request reads ${readNext} and is ${second ? "admitted" : "denied"}`, second ? "admitted" : "none");
  }
}

/** Time passes. Counters stop where nothing depends on how much more it is. */
function addTicks(world: World, state: State, add: AddMove): void {
  const maxAge = largestAge(world);
  const longest = maxAge + world.margin + 1;
  const later = (ticks: number, most: number): number => Math.min(ticks + 1, most);
  const tickRegistry = ({ registry }: State): void => {
    for (const row of registry.gates) if (row?.state === "live") row.silent = later(row.silent, longest);
    if (registry.sinceRestore !== null) registry.sinceRestore = later(registry.sinceRestore, longest);
  };
  add("time passes", "system", next => {
    tickRegistry(next);
    for (const gate of next.gates) {
      if (gate.table !== null) gate.table.age = later(gate.table.age, maxAge + 1);
      if (gate.sweepAge !== null) gate.sweepAge = later(gate.sweepAge, maxAge + 1);
      for (const poll of pollsOf(gate)) poll.age = later(poll.age, maxAge + 1);
    }
  });
  if (state.left.drifts > 0) {
    add("time passes, but the gates' clocks are slow", "world", next => {
      next.left.drifts -= 1;
      tickRegistry(next);
    });
  }
}
