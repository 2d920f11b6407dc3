import { commit } from "./api.ts";
import { rowOf, type State } from "./state.ts";
import { type AddMove, accountName, type Deed, type World } from "./world.ts";

// Those who write into the registry: api/src/connections, api/src/accounts and api/src/feed/publish.ts.

const deeds: Readonly<Record<Deed, (account: string) => string>> = {
  touch: account => `touches account ${account}`,
  revoke: account => `revokes ${account}'s link`,
  remove: account => `removes account ${account}`,
  recreate: account => `makes account ${account} anew`,
  reuse: () => "gives a's link to another account",
};

/** Transactions begin, commit and are rolled back in any order; or each is over at once, where the order plays no part. */
export function addWritings(world: World, state: State, add: AddMove): void {
  for (const [i, { deed, account }] of world.writings.entries()) {
    const name = `transaction ${i + 1} (${deeds[deed](accountName(account))})`;
    const writing = state.registry.writings[i];
    const isPossible = isAllowed(world, state, deed, account);
    if (writing?.state === "idle" && isPossible && !world.isWritingInSteps) {
      add(`${name} commits`, "world", next => {
        begin(world, next, i);
        write(world, next, i);
      });
    }
    if (writing?.state === "idle" && isPossible && world.isWritingInSteps) {
      add(`${name} begins`, "world", next => begin(world, next, i));
    }
    if (writing?.state === "open" && isPossible) add(`${name} commits`, "world", next => write(world, next, i));
    if (writing?.state === "open" && world.faults.includes("abort")) {
      add(`${name} is rolled back`, "world", ({ registry }) => {
        registry.edge = Math.max(registry.edge, writing.writer + 1);
        registry.writings[i] = { ...writing, state: "idle" };
      });
    }
  }
}

/** A transaction gets its id with its first write, before it has the lock of the row that matters here. */
function begin({ writings, without }: World, { registry }: State, i: number): void {
  const live = [...registry.gates.keys()].filter(gate => registry.gates[gate]?.state === "live");
  registry.writings[i] = {
    state: "open",
    writer: registry.next++,
    version: without === "1 lock" ? rowOf(registry, writings[i]?.account ?? 0).entry.version : 0,
    live: without === "23 after" ? live : [],
  };
}

function isAllowed({ without }: World, { registry, isGone, isReused }: State, deed: Deed, account: number): boolean {
  const { there, link } = rowOf(registry, account).entry;
  switch (deed) {
    case "touch":
    case "remove":
      return there;
    case "revoke":
      return there && link;
    case "recreate":
      return !there && isGone[account] === true; // a name is free when its last barrier has passed
    case "reuse":
      // rule 27
      return !isReused && (without === "27 free" ? !rowOf(registry, 0).entry.link : isGone[0] === true);
  }
}

/** Rule 1: what a transaction writes, under the lock that it holds until its end. */
function write({ writings, without }: World, state: State, i: number): void {
  const { registry } = state;
  const { deed, account = 0 } = writings[i] ?? {};
  const writing = registry.writings[i];
  if (writing === undefined) return;
  const row = rowOf(registry, account);
  const { entry } = row;
  entry.version = (without === "1 lock" ? writing.version : entry.version) + 1;
  row.writer = writing.writer;
  if (deed === "revoke" || deed === "remove") {
    entry.link = false;
    entry.there = deed === "revoke";
    const gates = without === "23 after" ? writing.live : null;
    registry.operations[account] = { state: "running", writer: writing.writer, gates };
  }
  if (deed === "recreate") {
    entry.there = true;
    if (without === "1 version") entry.version = 1;
  }
  if (deed === "reuse") state.isReused = true;
  writing.state = "done";
  writing.live = [];
  commit(registry, writing.writer);
}
