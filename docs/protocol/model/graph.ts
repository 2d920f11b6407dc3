/** The states found so far, how each was found first, and which lead to which by progress. States are numbers from 0. */
export class Graph {
  readonly #numbers = new Map<string, number>();
  readonly #parents: number[] = [];
  readonly #names: string[] = [];
  readonly #depths: number[] = [];
  /** Moves by progress: where each begins, and where it ends. */
  readonly #sources: number[] = [];
  readonly #targets: number[] = [];
  /** Moves of all kinds, those included that lead to a known state. */
  moves = 0;

  /** Moves from the first state to the one that is farthest away. */
  get depth(): number {
    return this.#depths.at(-1) ?? 0; // they are found in the order of their depths
  }

  get size(): number {
    return this.#parents.length;
  }

  /** The number of the state; a new one, found from `parent` by the move `name`, if it was not known. */
  add(text: string, parent = 0, name = ""): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#parents.push(parent) - 1;
    this.#numbers.set(text, number);
    this.#names.push(name);
    this.#depths.push(number === 0 ? 0 : (this.#depths[parent] ?? 0) + 1);
    return number;
  }

  /** Adds a move, and the state that it leads to. Returns the number of that state. */
  connect(from: number, text: string, name: string, isProgress: boolean): number {
    const to = this.add(text, from, name);
    this.moves += 1;
    if (isProgress) {
      this.#sources.push(from);
      this.#targets.push(to);
    }
    return to;
  }

  /** The names of the moves by which the state was found. */
  traceTo(number: number): string[] {
    const trace: string[] = [];
    for (let at = number; at > 0; at = this.#parents[at] ?? 0) trace.push(this.#names[at] ?? "");
    return trace.reverse();
  }

  /** The first state from which progress never leads to one of `goals`; undefined if there is none. */
  findStuck(goals: readonly number[]): number | undefined {
    const { first, moves } = this.#groupByTarget();
    const canReach = new Uint8Array(this.size);
    const waiting = [...goals];
    for (const goal of goals) canReach[goal] = 1;
    for (let to = waiting.pop(); to !== undefined; to = waiting.pop()) {
      for (let i = first[to] ?? 0; i < (first[to + 1] ?? 0); i++) {
        const from = this.#sources[moves[i] ?? 0] ?? 0;
        if (canReach[from] === 1) continue;
        canReach[from] = 1;
        waiting.push(from);
      }
    }
    const stuck = canReach.indexOf(0);
    return stuck < 0 ? undefined : stuck;
  }

  /** The moves that lead to `to` are `moves[first[to]]` up to, and without, `moves[first[to + 1]]`. */
  #groupByTarget(): { first: Uint32Array; moves: Uint32Array } {
    const first = new Uint32Array(this.size + 1);
    for (const to of this.#targets) first[to + 1] = (first[to + 1] ?? 0) + 1;
    for (let at = 0; at < this.size; at++) first[at + 1] = (first[at + 1] ?? 0) + (first[at] ?? 0);
    const place = first.slice();
    const moves = new Uint32Array(this.#targets.length);
    for (const [move, to] of this.#targets.entries()) {
      const next = place[to] ?? 0;
      moves[next] = move;
      place[to] = next + 1;
    }
    return { first, moves };
  }
}
