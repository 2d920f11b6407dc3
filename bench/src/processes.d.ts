/** CPU seconds that the threads of a process have used so far (proc(5), schedstat: nanoseconds on a core). */
export declare function readCpuSeconds(pid: number): number;
/** Bytes of memory that a process has for itself, and its share of what it has with others (proportional set size). */
export declare function readMemory(pid: number): number;
/** Process ids of a process's children. */
export declare function readChildren(pid: number): number[];
/** What the values add up to. */
export declare function sum(values: readonly number[]): number;
