/** Numbers that a seed and a stream number determine: each attack has its own stream, so that it can be had again alone. */
export class Random {
  #state: number;

  /** @param seed any unsigned 32-bit number @param stream likewise */
  constructor(seed: number, stream: number) {
    this.#state = mix(mix(seed >>> 0) ^ mix((stream >>> 0) + 0x9e3779b9));
  }

  /** 0 to 4294967295. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    return mix(this.#state);
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit);
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }
}

/** The finalizer of MurmurHash3. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
