/** What `pg_current_snapshot()` says: of the ids below `max`, those in `open` had not ended. */
export interface Snapshot {
  max: number;
  open: number[];
}

/** The `max` of a snapshot of another history, in which more ids were handed out than this one will see. */
export const ANY_ID = 1_000_000;

/** What `pg_visible_in_snapshot()` says. */
export const sees = (snapshot: Snapshot, id: number): boolean => id < snapshot.max && !snapshot.open.includes(id);

/** What is told of an account. There are two, 0 and 1 (`a` and `b` in traces), with a link id each. */
export interface Entry {
  version: number;
  there: boolean;
  /** True if the account's link is approved. */
  link: boolean;
}

export interface FeedRow {
  entry: Entry;
  writer: number;
}

/** A transaction of somebody who writes. It has its id from its first write on, and the lock of the row at its commit. */
export interface Writing {
  state: "idle" | "open" | "done";
  writer: number;
  /** What it read at its beginning, for those who would do it wrong: the account's version, the gates that were live. */
  version: number;
  live: number[];
}

export interface Cursor {
  sweep: Snapshot;
  /** Null in a first load, and between sweeps. */
  base: Snapshot | null;
  /** The account behind which an unfinished sweep goes on; null between sweeps. */
  after: number | null;
  isKnown: boolean;
  /** Tells cursors of one gate apart, the younger one higher; 0 where nothing depends on it. */
  id: number;
}

/** An incarnation, as the registry knows it. */
export interface GateRow {
  state: "live" | "ended" | "given up";
  acknowledged: Snapshot | null;
  /** Ticks of the database's clock since it was heard. */
  silent: number;
  maxAge: number;
  /** The cursor that it showed last and the younger ones, oldest first; empty where nothing depends on it. */
  handed: { id: number; maxAge: number }[];
  isDurable: boolean;
}

export interface Operation {
  state: "running" | "done";
  writer: number;
  /** The gates that it waits for; null for all that are live. */
  gates: number[] | null;
}

export interface Registry {
  /** The id that the next transaction gets. */
  next: number;
  /** Above the ids of all transactions that have ended. */
  edge: number;
  /** The id that the next transaction gets after a crash. */
  floor: number;
  writings: Writing[];
  rows: FeedRow[];
  /** By incarnation. */
  gates: (GateRow | null)[];
  /** By account whose link is revoked. */
  operations: (Operation | null)[];
  /** After a restore: whether the feed waits for a person, and the ticks since; null if there was none. */
  isHeld: boolean;
  sinceRestore: number | null;
}

export type Answer =
  | { kind: "page"; entries: { account: number; entry: Entry }[]; cursor: Cursor }
  | { kind: "keep" | "drop" | "error" };

/** A poll, from its sending to the end of what its answer does. */
export interface Poll {
  incarnation: number;
  cursor: Cursor | null;
  maxAge: number;
  /** Ticks of the gate's clock since it was sent. */
  age: number;
  at: "sent" | "recorded" | "answered" | "writing";
  /** Whether the answer's page begins a full load, goes on with one, or changes the table in force. */
  load: "begin" | "go on" | "no";
  /** Taken for this poll, when the page has not been read yet. */
  snapshot: Snapshot | null;
  answer: Answer | null;
  /** Entries of the answer that have been written. */
  written: number;
  /** True as long as the gate's state is the one that the poll was sent from; false is what a compare-and-set finds. */
  isCurrent: boolean;
  /** True as long as the table is of the generation that the poll was sent from. */
  isSameGeneration: boolean;
}

export interface Table {
  entries: (Entry | null)[];
  age: number;
  maxAge: number;
}

/** A gate's process: shared memory and followers. */
export interface Gate {
  isUp: boolean;
  incarnation: number;
  maxAge: number;
  table: Table | null;
  cursor: Cursor | null;
  /** Age of the first poll of the sweep under way. */
  sweepAge: number | null;
  /** What a full load of several pages has so far. */
  load: (Entry | null)[] | null;
  poll: Poll | null;
  /** The poll of a follower that was replaced (it goes on when it wakes up), or a message that nobody waits for any more. */
  other: Poll | null;
  isOtherFollower: boolean;
  /** A request that began after a link was gone for good, and has read half of what it needs. */
  request: "none" | "half" | "admitted";
  /** The incarnation that a supervisor still has to say goodbye for. */
  farewell: number | null;
}

export interface State {
  registry: Registry;
  gates: Gate[];
  /** By account: an operation that revoked its link was reported as done. Nobody in the model reads this. */
  isGone: boolean[];
  /** Azure has given the link of account 0 to somebody else. */
  isReused: boolean;
  /** What may still happen of what happens a few times only. */
  left: Budget;
}

export interface Budget {
  /** Ticks that the gates' clocks miss. */
  drifts: number;
  restores: number;
  /** Processes that start. */
  starts: number;
  /** Changes of an age limit. */
  changes: number;
}

/** A copy that shares nothing. */
export function copy<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copy) as T;
  const result: Record<string, unknown> = {};
  for (const key in value) result[key] = copy(value[key]);
  return result as T;
}

export function rowOf(registry: Registry, account: number): FeedRow {
  const row = registry.rows[account];
  if (row === undefined) throw new Error(`there is no account ${account}`);
  return row;
}

export function gateOf({ gates }: State, g: number): Gate {
  const gate = gates[g];
  if (gate === undefined) throw new Error(`there is no gate ${g}`);
  return gate;
}

/** All polls of a gate that are on their way. */
export const pollsOf = (gate: Gate): Poll[] => [gate.poll, gate.other].filter(poll => poll !== null);
