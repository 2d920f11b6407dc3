import { vi } from "vitest";

/** A zone of shared memory that is a Map. Once `isFull` it takes nothing new unless it is empty. */
export class FakeZone<V> implements NginxDict<V> {
  readonly capacity = 0;
  isFull = false;
  readonly #map = new Map<string, V>();

  freeSpace(): number {
    return 0;
  }
  get(key: string): V | undefined {
    return this.#map.get(key);
  }
  set(key: string, value: V): this {
    if (this.isFull && this.#map.size > 0) throw new Error("SharedMemoryError");
    this.#map.set(key, value);
    return this;
  }
  add(key: string, value: V): boolean {
    if (this.#map.has(key)) return false;
    this.set(key, value);
    return true;
  }
  delete(key: string): boolean {
    return this.#map.delete(key);
  }
  pop(key: string): V | undefined {
    const value = this.#map.get(key);
    this.#map.delete(key);
    return value;
  }
  keys(most: number): string[] {
    return [...this.#map.keys()].slice(0, most);
  }
  clear(): void {
    this.#map.clear();
  }
  incr(key: string, delta: number, init: number): number {
    if (this.isFull && this.#map.size > 0 && !this.#map.has(key)) throw new Error("SharedMemoryError");
    const sum = ((this.#map.get(key) as number | undefined) ?? init) + delta;
    this.#map.set(key, sum as V);
    return sum;
  }
}

/** Puts what NGINX gives its scripts in place of nothing; `vi.unstubAllGlobals()` takes it away. */
export function fakeNginx(njsNumber = 0x010002): {
  meta: FakeZone<string>;
  tables: FakeZone<string>[];
  requests: FakeZone<number>;
  bytes: FakeZone<number>;
  logged: string[];
} {
  const logged: string[] = [];
  const meta = new FakeZone<string>();
  const tables = [new FakeZone<string>(), new FakeZone<string>()];
  const [requests, bytes] = [new FakeZone<number>(), new FakeZone<number>()];
  const shared = {
    lg_meta: meta,
    lg_breaks: new FakeZone<number>(),
    lg_table0: tables[0],
    lg_table1: tables[1],
    lg_requests: requests,
    lg_bytes: bytes,
    lg_report: new FakeZone<string>(),
  };
  vi.stubGlobal("ngx", { shared, ERR: 4, WARN: 5, log: (_: number, text: string) => logged.push(text) });
  vi.stubGlobal("njs", { version: "0.0.0", version_number: njsNumber });
  return { meta, tables, requests, bytes, logged };
}
