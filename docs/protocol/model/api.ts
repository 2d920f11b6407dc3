import { type Cursor, type Entry, type GateRow, type Poll, type Registry, type Snapshot, sees } from "./state.ts";
import { largestAge, type World } from "./world.ts";

// The registry's side of the protocol: api/src/feed, api/src/gates and api/src/operations.

/** Takes a snapshot as PostgreSQL does; on a standby, what is open can't be seen (rule 7). */
export function takeSnapshot({ without }: World, { edge, writings }: Registry): Snapshot {
  const open = writings
    .filter(writing => writing.state === "open" && writing.writer < edge)
    .map(({ writer }) => writer);
  if (without === "7 primary") return { max: edge, open: [] };
  if (without === "3 xmin") return { max: Math.min(edge, ...open), open: [] };
  return { max: edge, open: open.sort((a, b) => a - b) };
}

/** A transaction of the api: it is durable when it returns, and so are all before it. */
export function commit(registry: Registry, id = registry.next++): void {
  registry.edge = Math.max(registry.edge, id + 1);
  registry.floor = Math.max(registry.floor, id + 1);
}

/** Rule 12, first step: records a poll; some polls have their answer then. */
export function recordPoll(world: World, registry: Registry, poll: Poll): void {
  const { without } = world;
  const refuse = (kind: "keep" | "drop" | "error"): void => {
    poll.at = "answered";
    poll.answer = { kind };
    poll.snapshot = null;
  };
  const place = without === "10 name" ? 0 : poll.incarnation;
  const row = registry.gates[place] ?? makeRow(world, poll);
  if (registry.gates[place] == null && without === "11 replace") {
    for (const other of registry.gates) if (other?.state === "live") other.state = "ended";
  }
  registry.gates[place] = row;
  if (row.state !== "live" && without !== "25 refuse" && !(without === "22 final" && row.state === "ended")) {
    refuse("drop");
    return;
  }
  if (row.state === "ended") row.state = "live";
  commit(registry);
  row.silent = 0;
  row.maxAge = without === "16 larger" ? poll.maxAge : Math.max(row.maxAge, poll.maxAge);
  if (registry.isHeld) refuse("error");
  else if (poll.cursor !== null && !knowsCursor(world, row, poll.cursor)) refuse("keep");
  else {
    if (poll.cursor !== null) showCursor(world, row, poll.cursor, poll);
    // "12 order" has read the page already.
    poll.at = poll.answer === null ? "recorded" : "answered";
  }
}

function makeRow({ without }: World, { maxAge }: Poll): GateRow {
  const isDurable = without !== "26 durable";
  return { state: "live", acknowledged: null, silent: 0, maxAge, handed: [], isDurable };
}

/** Rule 6. Younger cursors than the one shown are kept up to a number, as the api does. */
function knowsCursor({ without, faults }: World, row: GateRow, cursor: Cursor): boolean {
  if (without === "6 remember") return true;
  return cursor.isKnown && (!faults.includes("reconfigure") || row.handed.some(({ id }) => id === cursor.id));
}

/** Rules 13 and 16: what a cursor that a gate comes back with says of it. */
function showCursor({ without, faults }: World, row: GateRow, cursor: Cursor, poll: Poll): void {
  if (cursor.after === null || without === "13 inside") row.acknowledged = cursor.sweep;
  if (!faults.includes("reconfigure")) return;
  row.handed = row.handed.filter(({ id }) => id >= cursor.id);
  const mayComeIntoForce = without === "16 late" ? row.handed.slice(0, 1) : row.handed;
  if (without === "16 larger") return;
  row.maxAge = Math.max(poll.maxAge, ...mayComeIntoForce.map(({ maxAge }) => maxAge));
}

/** Rule 12, second step: takes the snapshot that a page is read from; a gate that is over meanwhile gets none. */
export function openPage(world: World, registry: Registry, poll: Poll): boolean {
  const row = rowOfGate(world, registry, poll);
  if (row === null || row.state === "live" || world.without === "25 refuse") {
    poll.snapshot = takeSnapshot(world, registry);
    return true;
  }
  poll.at = "answered";
  poll.answer = { kind: "drop" };
  return false;
}

const rowOfGate = ({ without }: World, { gates }: Registry, { incarnation }: Poll): GateRow | null =>
  gates[without === "10 name" ? 0 : incarnation] ?? null;

/** Rules 2, 3 and 5: reads the page for a poll, of the current rows, and hands it out with its cursor. */
export function readPage(world: World, registry: Registry, poll: Poll): void {
  const { without, limit } = world;
  if (poll.snapshot === null && !openPage(world, registry, poll)) return;
  const now = poll.snapshot ?? takeSnapshot(world, registry);
  const { cursor } = poll;
  const isInside = cursor !== null && cursor.after !== null;
  const base = isInside ? cursor.base : (cursor?.sweep ?? null);
  const sweep = isInside && without !== "3 last page" ? cursor.sweep : now;
  const after = isInside && without !== "2 place" ? (cursor.after ?? -1) : -1;
  const found = findEntries(world, registry, base, sweep, after);
  const page = found.slice(0, limit);
  const isWhole = found.length <= limit;
  const last = page.at(-1);
  const next: Cursor = {
    sweep: without === "3 sequence" ? highestSent(base, found) : sweep,
    base: isWhole ? null : base,
    after: isWhole || last === undefined ? null : without === "3 order" ? last.writer : last.account,
    isKnown: true,
    id: 0,
  };
  poll.snapshot = null;
  poll.at = "answered";
  if (without !== "5 durable") commit(registry);
  const row = rowOfGate(world, registry, poll);
  if (row !== null) handOut(world, row, next, poll);
  poll.answer = {
    kind: "page",
    entries: page.map(({ account, entry }) => ({ account, entry: { ...entry } })),
    cursor: next,
  };
}

type Found = { account: number; entry: Entry; writer: number };

/** The current rows that are new since `base`, behind `after`, in the order of the accounts' names. */
function findEntries(
  { without }: World,
  { rows }: Registry,
  base: Snapshot | null,
  sweep: Snapshot,
  after: number,
): Found[] {
  const found = rows
    .map(({ entry, writer }, account) => ({ account, entry, writer }))
    .filter(({ entry, writer }) => (base === null ? entry.there : !sees(base, writer)))
    .filter(({ entry }) => entry.there || without !== "1 tombstone")
    .filter(({ writer }) => without !== "3 xmin" || writer < sweep.max);
  if (without !== "3 order") return found.filter(({ account }) => account > after);
  return found.filter(({ writer }) => writer > after).sort((one, other) => one.writer - other.writer);
}

/** "3 sequence": everything up to the highest id that was sent counts as sent. */
function highestSent(base: Snapshot | null, found: readonly Found[]): Snapshot {
  return { max: Math.max(base?.max ?? 0, ...found.map(({ writer }) => writer + 1)), open: [] };
}

/** Most cursors that are remembered besides the one that was shown; the api has 8. */
const UNSEEN_CURSORS = 1;

/** Rule 16: whatever a gate may come back with is remembered, and its age limit counts from now on. */
function handOut({ without, faults }: World, row: GateRow, cursor: Cursor, { maxAge }: Poll): void {
  if (!faults.includes("reconfigure")) return;
  cursor.id = Math.max(0, ...row.handed.map(({ id }) => id)) + 1;
  row.handed.push({ id: cursor.id, maxAge });
  if (row.handed.length > UNSEEN_CURSORS + 1) row.handed.splice(1, 1);
  if (without !== "16 larger" && without !== "16 late") row.maxAge = Math.max(row.maxAge, maxAge);
}

/** Rule 23: true if no gate can still admit what the operation revoked. */
export function canPass(world: World, registry: Registry, account: number): boolean {
  const { without, margin } = world;
  const operation = registry.operations[account];
  if (operation?.state !== "running") return false;
  const since = registry.sinceRestore;
  if (since !== null && since <= largestAge(world) + margin && without !== "9 wait") return false;
  return registry.gates.every((row, incarnation) => {
    if (row?.state !== "live") return true;
    if (operation.gates !== null && !operation.gates.includes(incarnation)) return true;
    if (row.acknowledged === null) return without === "14 wait";
    return sees(row.acknowledged, operation.writer);
  });
}

/** Rule 24: true for a gate that an operation waits for, and whose table can't be alive any more. */
export function canGiveUp({ without, margin }: World, registry: Registry, incarnation: number): boolean {
  const row = registry.gates[incarnation];
  if (row?.state !== "live" || without === "24 silence") return false;
  const isWaitedFor = registry.operations.some(
    operation =>
      operation?.state === "running" && (row.acknowledged === null || !sees(row.acknowledged, operation.writer)),
  );
  return isWaitedFor && row.silent > row.maxAge + (without === "24 margin" ? 0 : margin);
}
