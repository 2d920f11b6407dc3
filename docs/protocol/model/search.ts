import { Graph } from "./graph.ts";

/** One step that the system, or the world around it, can make. */
export interface Move<S> {
  /** A sentence, for traces. */
  readonly name: string;
  /** True for what the system does by itself as long as nothing hinders it; false for people, faults and bad luck. */
  readonly isProgress: boolean;
  readonly next: S;
}

/** A system to be searched. States are plain data. */
export interface Machine<S> {
  readonly start: S;
  moves(state: S): Move<S>[];
  /** The name of the invariant that the state breaks, or undefined. */
  findBroken(state: S): string | undefined;
  /** What must stay possible by progress alone, whatever has happened. */
  readonly goals: Readonly<Record<string, (state: S) => boolean>>;
  /** The same text for states that nothing can tell apart, and for no others. */
  format(state: S): string;
}

/** What went wrong, and the shortest way there. */
export interface Counterexample {
  /** The invariant; or the goal that can't be reached any more from where the trace ends. */
  readonly broken: string;
  readonly trace: readonly string[];
}

export interface Outcome {
  readonly states: number;
  readonly moves: number;
  /** Moves from the start to the state that is farthest away. */
  readonly depth: number;
  readonly counterexample: Counterexample | undefined;
}

/**
 * Visits every reachable state, breadth first, so that a counterexample is as short as can be. An invariant has to hold in
 * each state. A goal has to be reachable from each state by progress alone; that is looked at backwards, from the states in
 * which it is reached, once all states are known.
 *
 * @param limit most states
 * @throws Error when there are more states than `limit`: then nothing was shown
 */
export function search<S>(machine: Machine<S>, limit: number): Outcome {
  const graph = new Graph();
  const goals = Object.entries(machine.goals).map(([name, isReached]) => ({ name, isReached, states: [] as number[] }));
  const finish = (broken?: string, at = 0): Outcome => ({
    states: graph.size,
    moves: graph.moves,
    depth: graph.depth,
    counterexample: broken === undefined ? undefined : { broken, trace: graph.traceTo(at) },
  });
  const visit = (state: S, number: number): string | undefined => {
    for (const goal of goals) if (goal.isReached(state)) goal.states.push(number);
    return machine.findBroken(state);
  };

  const wrongStart = visit(machine.start, graph.add(machine.format(machine.start)));
  if (wrongStart !== undefined) return finish(wrongStart);
  const waiting: (S | undefined)[] = [machine.start];
  for (let at = 0; at < waiting.length; at++) {
    const state = waiting[at];
    waiting[at] = undefined; // its text is enough from now on
    for (const { name, isProgress, next } of state === undefined ? [] : machine.moves(state)) {
      const known = graph.size;
      const to = graph.connect(at, machine.format(next), name, isProgress);
      if (to < known) continue;
      waiting.push(next);
      const broken = visit(next, to);
      if (broken !== undefined) return finish(broken, to);
      if (graph.size > limit) throw new Error(`more than ${limit} states`);
    }
  }
  for (const { name, states } of goals) {
    const stuck = graph.findStuck(states);
    if (stuck !== undefined) return finish(name, stuck);
  }
  return finish();
}
