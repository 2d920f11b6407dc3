import { readFileSync } from "node:fs";
import { buildFilter } from "../build.ts";

// The proxy-wasm ABI as Envoy implements it, as far as the filter calls it: so its logic runs in Node, call by call, with
// clocks and answers as a test wants them.

const OK = 0;
const NOT_FOUND = 1;
const CAS_MISMATCH = 8;

/** A request as the filter is handed it. */
export interface FakeRequest {
  headers: [name: string, value: string | Buffer][];
  /** By path, its parts separated by NUL. */
  properties?: Record<string, string>;
  hasBody?: boolean;
  /** What is sent to the client, in bytes; null for a request that stays open. */
  bytes?: number | null;
}

/** What became of a request. */
export interface FakeOutcome {
  /** The request's context, for {@link FakeVm.end}. */
  context: number;
  /** What the upstream would get; null when the filter has answered. */
  forwarded: [name: string, value: string][] | null;
  answer: { status: number; details: string; body: string; headers: [string, string][] } | null;
  /** What the access log can read. */
  log: Record<string, string>;
}

/** A call to the api that waits for its answer: a poll of the feed, or a report. */
export interface FakeCall {
  readonly cluster: string;
  readonly headers: Record<string, string>;
  readonly path: URL;
  readonly body: string;
  readonly timeoutMs: number;
  /** False when its VM has trapped: nobody is there to take it. */
  answer(status: number, body: string): boolean;
  /** The host's word for no whole answer: none at all. */
  fail(): void;
}

/** One Envoy process: what all VMs of a vm_id share, and its clocks. */
export class FakeEnvoy {
  /** Nanoseconds. */
  wall = 1_800_000_000_000_000_000n;
  monotonic = 5_000_000_000n;
  readonly shared = new Map<string, { value: Buffer; cas: number }>();
  readonly metrics = new Map<string, bigint>();
  /** Attributes of the process, by path as in {@link FakeRequest.properties}. */
  readonly attributes = new Map<string, string>();
  /** Polls of the feed. */
  readonly calls: FakeCall[] = [];
  readonly reports: FakeCall[] = [];
  readonly logLines: string[] = [];
  /** Refuses calls to the api's cluster, if set. */
  hasNoCluster = false;
  /** Called before each write to the shared data: where another thread may come in between. */
  beforeWrite: ((key: string) => void) | null = null;
  readonly #module: WebAssembly.Module;
  #cas = 1;
  #context = 100;

  constructor(file: string = buildFilter()) {
    this.#module = new WebAssembly.Module(readFileSync(file));
  }

  /** Loads the filter into a VM of its own, as each worker has one. */
  createVm(): FakeVm {
    return new FakeVm(this, this.#module);
  }

  advance(seconds: number): void {
    this.wall += BigInt(Math.round(seconds * 1e9));
    this.monotonic += BigInt(Math.round(seconds * 1e9));
  }

  nextContext(): number {
    return ++this.#context;
  }

  nextCas(): number {
    return ++this.#cas;
  }

  /** Takes the call under way, which there must be. */
  takeCall(): FakeCall {
    const call = this.calls.shift();
    if (call === undefined) throw new Error("the filter has called nobody");
    return call;
  }
}

interface Exports {
  memory: WebAssembly.Memory;
  proxy_on_memory_allocate(size: number): number;
  proxy_on_vm_start(root: number, size: number): number;
  proxy_on_configure(root: number, size: number): number;
  proxy_on_context_create(id: number, parent: number): void;
  proxy_on_tick(root: number): void;
  proxy_on_http_call_response(root: number, call: number, headers: number, body: number, trailers: number): void;
  proxy_on_request_headers(id: number, headers: number, endOfStream: number): number;
  proxy_on_log(id: number): void;
}

/** One VM: a worker's, or the main thread's. It may hold several instances of the filter. */
export class FakeVm {
  readonly #envoy: FakeEnvoy;
  readonly #exports: Exports;
  #buffer = Buffer.alloc(0);
  #requestHeaders: [string, Buffer][] = [];
  #answerHeaders: [string, Buffer][] = [];
  #properties: Record<string, string> = {};
  #log: Record<string, string> = {};
  #answer: FakeOutcome["answer"] = null;
  #root = 0;
  #nextCall = 0;
  /** Set when the wasm has trapped: this VM does nothing any more. */
  isDead = false;
  tickMs = 0;

  constructor(envoy: FakeEnvoy, module: WebAssembly.Module) {
    this.#envoy = envoy;
    this.#exports = new WebAssembly.Instance(module, {
      env: this.#makeImports(),
      wasi_snapshot_preview1: this.#makeWasiImports(),
    }).exports as unknown as Exports;
  }

  get memoryBytes(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  /** Makes an instance. @returns its root context; 0 if the filter refuses the configuration */
  configure(configuration: string | Record<string, string>): number {
    const root = this.#envoy.nextContext();
    this.#exports.proxy_on_context_create(root, 0);
    this.#buffer = Buffer.from(typeof configuration === "string" ? configuration : JSON.stringify(configuration));
    this.#root = root;
    if (this.#exports.proxy_on_vm_start(root, 0) !== 1) return 0;
    return this.#exports.proxy_on_configure(root, this.#buffer.length) === 1 ? root : 0;
  }

  tick(root: number): void {
    this.#run(root, () => this.#exports.proxy_on_tick(root));
  }

  /** Hands a request to an instance. */
  request(root: number, request: FakeRequest): FakeOutcome {
    const id = this.#envoy.nextContext();
    this.#requestHeaders = request.headers.map(([name, value]) => [
      name,
      typeof value === "string" ? Buffer.from(value, "latin1") : value,
    ]);
    this.#properties = request.properties ?? {};
    this.#log = {};
    this.#answer = null;
    this.#run(root, () => {
      this.#exports.proxy_on_context_create(id, root);
      const hasBody = request.hasBody === true ? 0 : 1;
      const action = this.#exports.proxy_on_request_headers(id, this.#requestHeaders.length, hasBody);
      if ((action === 0) !== (this.#answer === null)) throw new Error(`action ${action} does not fit the answer`);
    });
    const headers = this.#requestHeaders.map(([name, value]): [string, string] => [name, value.toString("latin1")]);
    if (request.bytes !== null) this.end(id, request.bytes);
    return { context: id, forwarded: this.#answer === null ? headers : null, answer: this.#answer, log: this.#log };
  }

  /** Has a request end, which was answered with so many bytes. */
  end(context: number, bytes = 0): void {
    const size = Buffer.alloc(8);
    size.writeBigInt64LE(BigInt(bytes));
    this.#properties = { "response\0total_size": size.toString("latin1") };
    this.#run(this.#root, () => this.#exports.proxy_on_log(context));
  }

  #run(root: number, callback: () => void): void {
    if (this.isDead) throw new Error("this VM has trapped");
    this.#root = root;
    try {
      callback();
    } catch (error) {
      this.isDead = true;
      throw error;
    }
  }

  #receive(root: number, call: number, status: number | null, body: string): boolean {
    if (this.isDead) return false;
    this.#answerHeaders = status === null ? [] : [[":status", Buffer.from(String(status))]];
    this.#buffer = Buffer.from(body, "latin1");
    const headers = this.#answerHeaders.length;
    this.#run(root, () => this.#exports.proxy_on_http_call_response(root, call, headers, this.#buffer.length, 0));
    return true;
  }

  #read(start: number, length: number): Buffer {
    return Buffer.from(this.#exports.memory.buffer.slice(start, start + length));
  }

  #text(start: number, length: number): string {
    return this.#read(start, length).toString("latin1");
  }

  #writeNumber(at: number, value: number): void {
    new DataView(this.#exports.memory.buffer).setUint32(at, value, true);
  }

  /** Hands bytes over as Envoy does: asks the VM for memory, unless there is nothing to write. */
  #give(bytes: Buffer, at: number, lengthAt: number): number {
    const place = bytes.length === 0 ? 0 : this.#exports.proxy_on_memory_allocate(bytes.length);
    new Uint8Array(this.#exports.memory.buffer).set(bytes, place);
    this.#writeNumber(at, place);
    this.#writeNumber(lengthAt, bytes.length);
    return OK;
  }

  #mapOf(map: number): [string, Buffer][] {
    return map === 0 ? this.#requestHeaders : this.#answerHeaders;
  }

  #makeImports(): Record<string, (...values: never[]) => number> {
    const envoy = this.#envoy;
    return {
      proxy_log: (_level: number, text: number, length: number) => {
        envoy.logLines.push(this.#text(text, length));
        return OK;
      },
      proxy_get_property: (path: number, pathLength: number, value: number, valueLength: number) => {
        const name = this.#text(path, pathLength);
        const found = this.#properties[name] ?? envoy.attributes.get(name);
        return found === undefined ? NOT_FOUND : this.#give(Buffer.from(found, "latin1"), value, valueLength);
      },
      proxy_set_property: (path: number, pathLength: number, value: number, valueLength: number) => {
        this.#log[this.#text(path, pathLength)] = this.#text(value, valueLength);
        return OK;
      },
      proxy_get_header_map_value: (map: number, name: number, nameLength: number, value: number, length: number) => {
        const wanted = this.#text(name, nameLength);
        const values = this.#mapOf(map).filter(([each]) => each === wanted);
        if (values.length === 0) return NOT_FOUND;
        return this.#give(Buffer.from(values.map(([, each]) => each.toString("latin1")).join(",")), value, length);
      },
      proxy_get_header_map_pairs: (map: number, pairs: number, length: number) =>
        this.#give(writePairs(this.#mapOf(map)), pairs, length),
      proxy_replace_header_map_value: (_: number, name: number, nameLength: number, value: number, length: number) => {
        const wanted = this.#text(name, nameLength);
        const at = this.#requestHeaders.findIndex(([each]) => each === wanted);
        const others = this.#requestHeaders.filter(([each]) => each !== wanted);
        others.splice(at < 0 ? others.length : at, 0, [wanted, this.#read(value, length)]);
        this.#requestHeaders = others;
        return OK;
      },
      proxy_remove_header_map_value: (_: number, name: number, nameLength: number) => {
        const wanted = this.#text(name, nameLength);
        this.#requestHeaders = this.#requestHeaders.filter(([each]) => each !== wanted);
        return OK;
      },
      proxy_get_buffer_bytes: (_: number, start: number, length: number, bytes: number, bytesLength: number) =>
        this.#give(this.#buffer.subarray(start, start + length), bytes, bytesLength),
      proxy_send_local_response: (
        status: number,
        details: number,
        detailsLength: number,
        body: number,
        bodyLength: number,
        headers: number,
        headersLength: number,
      ) => {
        this.#answer = {
          status,
          details: this.#text(details, detailsLength),
          body: this.#text(body, bodyLength),
          headers: readPairs(this.#read(headers, headersLength)),
        };
        return OK;
      },
      proxy_set_tick_period_milliseconds: (milliseconds: number) => {
        this.tickMs = milliseconds;
        return OK;
      },
      proxy_http_call: (
        cluster: number,
        clusterLength: number,
        headers: number,
        headersLength: number,
        body: number,
        bodyLength: number,
        _trailers: number,
        _trailersLength: number,
        timeoutMs: number,
        out: number,
      ) => {
        if (envoy.hasNoCluster) return 2;
        const call = ++this.#nextCall;
        const root = this.#root;
        const sent = Object.fromEntries(readPairs(this.#read(headers, headersLength)));
        const path = new URL(sent[":path"] ?? "", "http://feed");
        const heard = path.pathname.endsWith("/gate/v1/reports") ? envoy.reports : envoy.calls;
        heard.push({
          cluster: this.#text(cluster, clusterLength),
          headers: sent,
          path,
          body: this.#text(body, bodyLength),
          timeoutMs,
          answer: (status, body) => this.#receive(root, call, status, body),
          fail: () => void this.#receive(root, call, null, ""),
        });
        this.#writeNumber(out, call);
        return OK;
      },
      proxy_get_shared_data: (key: number, keyLength: number, value: number, valueLength: number, cas: number) => {
        const found = envoy.shared.get(this.#text(key, keyLength));
        if (found === undefined) return NOT_FOUND;
        this.#writeNumber(cas, found.cas);
        return this.#give(found.value, value, valueLength);
      },
      proxy_set_shared_data: (key: number, keyLength: number, value: number, valueLength: number, cas: number) => {
        const name = this.#text(key, keyLength);
        const bytes = this.#read(value, valueLength);
        const hook = envoy.beforeWrite;
        envoy.beforeWrite = null;
        hook?.(name);
        const found = envoy.shared.get(name);
        if (found !== undefined && cas >>> 0 !== 0 && cas >>> 0 !== found.cas) return CAS_MISMATCH;
        envoy.shared.set(name, { value: bytes, cas: envoy.nextCas() });
        return OK;
      },
      proxy_define_metric: (_kind: number, name: number, nameLength: number, out: number) => {
        const names = [...envoy.metrics.keys()];
        const text = this.#text(name, nameLength);
        if (!envoy.metrics.has(text)) envoy.metrics.set(text, 0n);
        this.#writeNumber(out, names.includes(text) ? names.indexOf(text) : names.length);
        return OK;
      },
      proxy_increment_metric: (metric: number, by: bigint) => {
        const name = [...envoy.metrics.keys()][metric] ?? "";
        envoy.metrics.set(name, (envoy.metrics.get(name) ?? 0n) + by);
        return OK;
      },
      proxy_record_metric: (metric: number, value: bigint) => {
        envoy.metrics.set([...envoy.metrics.keys()][metric] ?? "", value);
        return OK;
      },
    };
  }

  #makeWasiImports(): Record<string, (...values: never[]) => number> {
    return {
      clock_time_get: (clock: number, _precision: bigint, out: number) => {
        const time = clock === 0 ? this.#envoy.wall : this.#envoy.monotonic;
        new DataView(this.#exports.memory.buffer).setBigUint64(out, time, true);
        return OK;
      },
      random_get: (bytes: number, length: number) => {
        crypto.getRandomValues(new Uint8Array(this.#exports.memory.buffer, bytes, length));
        return OK;
      },
    };
  }
}

function writePairs(pairs: readonly [string, Buffer][]): Buffer {
  const head = Buffer.alloc(4 + pairs.length * 8);
  head.writeUInt32LE(pairs.length);
  const texts = pairs.flatMap(([name, value], at) => {
    head.writeUInt32LE(name.length, 4 + at * 8);
    head.writeUInt32LE(value.length, 8 + at * 8);
    return [Buffer.from(`${name}\0`, "latin1"), value, Buffer.from("\0")];
  });
  return Buffer.concat([head, ...texts]);
}

function readPairs(bytes: Buffer): [string, string][] {
  if (bytes.length === 0) return [];
  const count = bytes.readUInt32LE();
  let at = 4 + count * 8;
  const take = (length: number) => {
    const text = bytes.toString("latin1", at, at + length);
    if (bytes[at + length] !== 0) throw new Error("a pair without its NUL");
    at += length + 1;
    return text;
  };
  return Array.from({ length: count }, (_, pair) => [
    take(bytes.readUInt32LE(4 + pair * 8)),
    take(bytes.readUInt32LE(8 + pair * 8)),
  ]);
}
