/** One of the things that are compared, and running. */
export interface RunningGate {
  readonly proxy: "NGINX" | "Envoy" | "HAProxy";
  readonly name: string;
  /** Port of the listener that takes the connection's own address for the client's. */
  readonly port: number;
  /** The proxy's processes: their memory is counted. */
  readonly pids: readonly number[];
  /** The process that serves requests: its CPU time is "the gate's". */
  readonly worker: number;
  /** Further processes that a request costs CPU time in: what the gate asks. */
  readonly others: readonly number[];
  /** Milliseconds from the gate's first poll to the one that acknowledges the whole table, the feed's own part taken off. */
  readonly loadMs: number | null;
  /** Milliseconds of CPU time that its processes had used when the table was whole, start included. */
  readonly loadCpuMs: number;
  stop(): Promise<void>;
}

/** A variant of a gate, as it was started. */
export interface StartedGate extends Omit<RunningGate, "loadMs" | "loadCpuMs"> {
  /** Port of the listener that takes the PROXY header's address for the client's. */
  readonly proxyPort: number;
}

/** What every variant is started with. */
export interface World {
  readonly folder: string;
  readonly feedUrl: string;
  readonly accounts: number;
  readonly workers: number;
  /** The tenants' service. */
  readonly service: { readonly socket: string; readonly port: number };
  /** A service that says yes to everybody, over HTTP. */
  readonly authorizer: { readonly socket: string; readonly port: number; readonly pid: number };
  /** The same over gRPC. */
  readonly grpcAuthorizer: { readonly port: number; readonly pid: number };
  /** A service that decides as the gates do, over HTTP. */
  readonly decider: { readonly port: number; readonly pid: number };
}
