import { randomInt } from "node:crypto";

/** Choices that a seed makes, so that the same seed makes them again. */
export interface Random {
  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** Another source, whose choices do not depend on how many this one makes from now on. */
  fork(): Random;
}

/** The seed of this run: `LINKGATE_SEED`, or another one each time. Tests print it when they fail. */
export function chooseSeed(): number {
  const wanted = process.env.LINKGATE_SEED;
  return wanted === undefined ? randomInt(0x1_0000_0000) : Number(wanted) >>> 0;
}

/** Steele and Vigna's SplitMix, 32 bits wide: short, and good from the first number on, whatever the seed. */
export function randomOf(seed: number): Random {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return (bits ^ (bits >>> 15)) >>> 0;
  };
  const below = (limit: number): number => Math.floor((next() / 0x1_0000_0000) * limit);
  return {
    below,
    chance: probability => next() < probability * 0x1_0000_0000,
    pick<T>(list: readonly T[]): T {
      const chosen = list[below(list.length)];
      if (chosen === undefined) throw new Error("nothing to pick from");
      return chosen;
    },
    fork: () => randomOf(next()),
  };
}
