import { type Answer, type Entry, type Gate, type Poll, pollsOf, type State } from "./state.ts";
import type { World } from "./world.ts";

// The gate's side of the protocol: njs/src/{follower,sweep,page,table}.ts.

/** A poll as it is sent from the gate's state (rules 10 and 16). */
export function preparePoll(gate: Gate): Poll {
  return {
    incarnation: gate.incarnation,
    cursor: gate.cursor,
    maxAge: gate.maxAge,
    age: 0,
    at: "sent",
    load: gate.cursor === null ? "begin" : gate.load === null ? "no" : "go on",
    snapshot: null,
    answer: null,
    written: 0,
    isCurrent: true,
    isSameGeneration: true,
  };
}

/** True if a request by the account's link would be admitted at this moment. */
export function admits({ isUp, table }: Gate, account: number): boolean {
  return isUp && table !== null && isAlive(table) && holdsLink(table.entries[account]);
}

export const isAlive = (table: { age: number; maxAge: number }): boolean => table.age <= table.maxAge;
export const holdsLink = (entry: Entry | null | undefined): boolean => entry?.there === true && entry.link;

/** Takes an answer that has arrived for a follower's own poll (rule 17). */
export function takeAnswer(world: World, state: State, gate: Gate, poll: Poll): void {
  const { kind } = poll.answer ?? { kind: "error" };
  if (kind === "page") {
    poll.at = "writing";
    if (world.without === "18 order") finishPage(world, gate, poll);
    if (!isInSteps(world, poll)) {
      while (isToWrite(poll)) writeNextEntry(world, gate, poll);
      endPage(world, gate, poll);
    }
    return;
  }
  if (kind !== "error" && mayChangeState(world, poll)) {
    startOver(world, gate);
    if (kind === "drop") {
      // rule 25: the table is gone before there is a new incarnation
      gate.table = null;
      gate.incarnation = findFreeIncarnation(state);
    }
  }
  if (kind === "error" && world.without === "15 error" && gate.table !== null) gate.table.age = poll.age;
  endPoll(gate, poll);
}

/** True if the entries of the page are written one by one, so that a follower may end in between. */
const isInSteps = ({ isWrittenInSteps }: World, { load }: Poll): boolean => isWrittenInSteps && load === "no";

export const isToWrite = (poll: Poll): boolean => poll.load === "no" && poll.written < pageOf(poll).entries.length;

export function pageOf(poll: Poll): Answer & { kind: "page" } {
  if (poll.answer?.kind !== "page") throw new Error("there is no page");
  return poll.answer;
}

/**
 * Rules 18 and 19: writes the next entry of a page into the table in force. A follower that was overtaken writes as well:
 * what keeps it from doing harm are versions, and that its entries belong to the generation that it began with (rule 20).
 */
export function writeNextEntry(world: World, gate: Gate, poll: Poll): void {
  const change = pageOf(poll).entries[poll.written];
  poll.written += 1;
  if (gate.table === null || change === undefined) return;
  if (!poll.isSameGeneration && world.without !== "20 generation") return;
  gate.table.entries = putEntry(world, gate.table.entries, change);
}

type Change = { account: number; entry: Entry };

function putEntry(
  { without }: World,
  entries: readonly (Entry | null)[],
  { account, entry }: Change,
): (Entry | null)[] {
  const held = entries[account] ?? null;
  if (held !== null && held.version >= entry.version && without !== "19 older") return [...entries];
  return entries.with(account, !entry.there && without === "19 removal" ? null : entry);
}

/**
 * A record that can't be written fails the sweep (rule 18). Where followers exclude each other the account's entry may go, which
 * takes no memory and denies; elsewhere its version would be missed by an older follower that goes on.
 */
export function failToWrite({ without, isWrittenInSteps }: World, gate: Gate, poll: Poll): void {
  const change = pageOf(poll).entries[poll.written];
  if (without === "18 full") {
    poll.written += 1;
    return;
  }
  if (gate.table !== null && change !== undefined && (!isWrittenInSteps || without === "18 delete"))
    gate.table.entries = gate.table.entries.with(change.account, null);
  endPoll(gate, poll);
}

/** All entries are written: the state follows, if it is still the one that the poll was sent from. */
export function endPage(world: World, gate: Gate, poll: Poll): void {
  if (world.without !== "18 order") finishPage(world, gate, poll);
  endPoll(gate, poll);
}

/** Rules 18, 20 and 21: cursor, age and the generation in force change together. */
function finishPage(world: World, gate: Gate, poll: Poll): void {
  if (!mayChangeState(world, poll)) return;
  const { entries, cursor } = pageOf(poll);
  const isLoad = poll.load !== "no";
  const isWhole = cursor.after === null;
  const sweepAge = gate.sweepAge ?? poll.age;
  const loaded = isLoad ? fillLoad(world, gate, poll, entries) : null;
  const target = loaded ?? gate.table?.entries ?? null;
  gate.cursor = { ...cursor };
  gate.sweepAge = isWhole ? null : sweepAge;
  gate.load = isWhole ? null : loaded;
  if (target !== null && (isWhole || (isLoad && world.without === "21 whole"))) {
    gate.table = { entries: target, age: world.without === "15 sent" ? 0 : sweepAge, maxAge: poll.maxAge };
  }
  outdate(gate, isLoad && isWhole);
}

function fillLoad(world: World, gate: Gate, poll: Poll, changes: readonly Change[]): (Entry | null)[] {
  const replaced = gate.table?.entries ?? [];
  let entries = poll.load === "begin" ? [null, null] : (gate.load ?? [null, null]);
  for (const change of changes) {
    const old = replaced[change.account] ?? null;
    const isOlder = world.without === "19 generation" && old !== null && old.version >= change.entry.version;
    entries = putEntry(world, entries, isOlder ? { ...change, entry: old } : change);
  }
  return entries;
}

/** Rule 20: the compare-and-set. */
const mayChangeState = ({ without }: World, poll: Poll): boolean => poll.isCurrent || without === "20 swap";

function startOver({ without }: World, gate: Gate): void {
  gate.cursor = null;
  gate.sweepAge = null;
  gate.load = null;
  if (without === "21 whole" && gate.table !== null) gate.table.entries = [null, null];
  outdate(gate, false);
}

/** The state has changed: whoever works from an older one will find out. */
function outdate(gate: Gate, isOtherGeneration: boolean): void {
  for (const poll of pollsOf(gate)) {
    poll.isCurrent = false;
    if (isOtherGeneration) poll.isSameGeneration = false;
  }
}

/** The poll has come to its end. */
export function endPoll(gate: Gate, poll: Poll): void {
  if (gate.poll === poll) gate.poll = null;
  else gate.other = null;
}

/** Nothing is left of the process but the messages that it has sent. */
export function endProcess(gate: Gate): void {
  gate.isUp = false;
  gate.farewell = gate.incarnation;
  gate.incarnation = -1;
  gate.other = [gate.poll, gate.other].find(poll => poll?.at === "sent") ?? null;
  gate.isOtherFollower = false;
  gate.poll = null;
  gate.table = null;
  gate.cursor = null;
  gate.sweepAge = null;
  gate.load = null;
  gate.request = "none";
}

/** Rule 10: an incarnation that nobody had before. Those of which nothing is left may be drawn again. */
export function findFreeIncarnation({ registry, gates }: State): number {
  const free = registry.gates.findIndex(
    (row, incarnation) =>
      row === null &&
      !gates.some(
        gate =>
          gate.incarnation === incarnation ||
          gate.farewell === incarnation ||
          pollsOf(gate).some(poll => poll.incarnation === incarnation),
      ),
  );
  if (free < 0) throw new Error("the scenario needs more incarnations");
  return free;
}
