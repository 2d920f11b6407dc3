// What the gate uses of njs 1.0 inside NGINX, and nothing else: every power it has is on this page.

/** A dictionary in shared memory (`js_shared_dict_zone`); each call is atomic among all workers. */
interface NginxDict<V> {
  /** Free whole pages, in bytes. */
  freeSpace(): number;
  readonly capacity: number;
  get(key: string): V | undefined;
  /** @throws SharedMemoryError when the zone is full; what was there stays */
  set(key: string, value: V): unknown;
  /** Writes only where there is nothing. False if there is. @throws SharedMemoryError when the zone is full */
  add(key: string, value: V): boolean;
  delete(key: string): boolean;
  /** Removes the key, and gives what it held. */
  pop(key: string): V | undefined;
  /** Up to `most` keys, which are copied while the zone is locked. */
  keys(most: number): string[];
  /** Removes every key; holds the zone's lock for as long as that takes (15 ms for 100,000). */
  clear(): void;
  /** Number zones only. @throws SharedMemoryError when the key is new and the zone is full */
  incr(key: string, delta: number, init: number): number;
}

/** By name, without the dollar sign. Each reading is a look-up, and a string of its own. */
type NginxVariables = Record<string, string | undefined>;

interface NginxRequest {
  readonly method: string;
  /** Read-only in njs 1.0.2: assigning throws, deleting does nothing. */
  readonly headersIn: Readonly<Record<string, string>>;
  readonly headersOut: Record<string, string>;
  readonly variables: NginxVariables;
  readonly rawVariables: Readonly<Record<string, Uint8Array | undefined>>;
  return(status: number, body: string): void;
  internalRedirect(location: string): void;
}

interface NginxFetchOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface NginxFetchAnswer {
  readonly status: number;
  text(): Promise<string>;
}

declare const ngx: {
  readonly ERR: number;
  readonly WARN: number;
  readonly version: string;
  readonly worker_id: number;
  readonly shared: {
    readonly lg_meta: NginxDict<string>;
    readonly lg_breaks: NginxDict<number>;
    readonly lg_table0: NginxDict<string>;
    readonly lg_table1: NginxDict<string>;
    readonly lg_requests: NginxDict<number>;
    readonly lg_bytes: NginxDict<number>;
    readonly lg_report: NginxDict<string>;
  };
  fetch(url: string, options: NginxFetchOptions): Promise<NginxFetchAnswer>;
  log(level: number, text: string): void;
};

/** The gate's version, which the build puts in its place. */
declare const LINKGATE_VERSION: string;

declare const njs: {
  readonly version: string;
  /** 0x010002 for 1.0.2. */
  readonly version_number: number;
};
