// What the ABI takes from WASI; the module is named like this file.

/** Reads a clock in nanoseconds: 0 since 1970, 1 monotonic. */
export declare function clock_time_get(clock: u32, precision: u64, time: usize): u32;

/** Fills memory with random bytes that nobody can foresee. */
export declare function random_get(bytes: usize, length: usize): u32;
