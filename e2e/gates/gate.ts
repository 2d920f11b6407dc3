import type { AccessLogLine, Peer } from "@linkgate/njs/testing";

/** What a gate is started with. Every gate understands all of it. */
export interface GateSettings {
  /** Where the feed is, without the path of the call. */
  readonly feedUrl: string;
  readonly feedToken: string;
  /** PEM file that the feed's https certificate is checked against. */
  readonly feedCaFile?: string;
  /** The name that the token belongs to. Default `test-gate`. */
  readonly gateName?: string;
  /** Folder with a unix socket `<account>.sock` for each tenant's service: {@link RecordingUpstream}. */
  readonly upstreamDir: string;
  /** Default: the zones of core's cases, {@link ZONE}. */
  readonly zones?: string;
  /** How the PROXY listener reads the link id of TLV 0xEE. Default `off`. */
  readonly linkTlv?: "off" | "optional" | "required";
  /** Whose PROXY headers are believed. Default `127.0.0.1`; `127.0.0.2` is then a peer that is no load balancer. */
  readonly loadBalancers?: readonly string[];
  /** Seconds, 1..604800. Default 3600. */
  readonly maxTableAge?: number;
  /** Seconds, 1..3600. Default 60. */
  readonly linkQuarantine?: number;
  /** Default 2. */
  readonly workers?: number;
  /** Size of a zone of the table. Default `4m`. */
  readonly tableSize?: string;
  /** PEM files: every listener for requests then speaks TLS, HTTP/2 and HTTP/1.1. Default: clear text, HTTP/1.1. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** Seconds that running requests get to end on a stop or a reload. Default 10. */
  readonly drainTimeout?: number;
}

/** What may change by a reload. */
export type Reloadable = Pick<GateSettings, "tableSize">;

/** The gate's processes. 0: there is none at this moment. */
export interface GateProcesses {
  readonly supervisor: number;
  readonly master: number;
  readonly workers: readonly number[];
  /** The worker that follows the feed. */
  readonly follower: number;
}

/** What the gate says of itself. */
export interface GateState {
  /** 32 hexadecimal digits, drawn anew by each life of the proxy (feed rule 10). */
  readonly incarnation: string;
  readonly table: "none" | "current" | "expired";
  /** Grows with each whole load (feed rule 20). */
  readonly generation: number;
  /** What last went wrong with the feed, and how often anything did. */
  readonly lastFailure: { readonly text: string; readonly count: number } | null;
}

/** Who is killed, frozen or told something: everything, or one part of the gate. */
export type GatePart = "all" | "supervisor" | "master" | "follower" | "worker";

/** A real proxy with a gate, on free ports and in a folder of its own. Tests run for each of {@link gates}. */
export interface GateUnderTest {
  readonly name: string;
  /** Short, and of this gate alone; gone after {@link stop}. */
  readonly dir: string;
  /** By the client's own address; by the PROXY header of a balancer; the public network. */
  readonly endpoints: Readonly<Record<"direct" | "proxy" | "public", Peer & { port: number }>>;
  /** The feed's token, read at every poll. */
  readonly tokenFile: string;
  /** One JSON object a line; see {@link AccessLogLine}. */
  readonly accessLog: string;

  /** Starts the gate, again too after {@link kill} or {@link end}. @throws Error with what it said when it does not come up */
  launch(): Promise<void>;
  /** @throws Error when the gate does not answer */
  readState(): Promise<GateState>;
  /** Waits for a state that fits. @param deadlineMs milliseconds, default two minutes */
  whenState(fits: (state: GateState) => boolean, deadlineMs?: number): Promise<GateState>;
  /** Whether probes would send traffic here. False when the gate does not answer. */
  isReady(): Promise<boolean>;
  readProcesses(): Promise<GateProcesses>;
  readLog(): Promise<AccessLogLine[]>;
  waitForLog(fits: (line: AccessLogLine) => boolean, deadlineMs?: number): Promise<AccessLogLine>;
  /** What the proxy and its supervisor said, the last lines of each: for the message of a failed test. */
  explain(): string;

  /** Lets the proxy read its configuration again, changed if so told, and waits until the new workers alone are left. */
  reload(changes?: Reloadable): Promise<void>;
  /** Stops it as a person would (goodbye included), and waits for the end. @returns the exit status */
  end(): Promise<number | null>;
  /** Kills with SIGKILL, and waits until those are gone. `worker` is one that does not follow the feed, if there is one. */
  kill(part?: GatePart): Promise<void>;
  /** Stops with SIGSTOP, and waits until nothing of it runs, until {@link thaw}. `all` is the supervisor too, which would restart a frozen proxy. */
  freeze(part?: GatePart): Promise<void>;
  /** Lets everything go on that {@link freeze} stopped. */
  thaw(): void;
  /** Makes sure that nothing of it is left: process or folder. */
  stop(): Promise<void>;
}

/** How tests get a gate. */
export interface GateKind {
  readonly name: string;
  /** The processes that can be killed while the rest goes on. Envoy has none: its workers and its follower are threads. */
  readonly parts: readonly ("worker" | "follower")[];
  /** Prepares a gate; {@link GateUnderTest.launch} starts it. */
  create(settings: GateSettings): Promise<GateUnderTest>;
}

/** The zone of core's cases. */
export const ZONE = { public: "azurehealthcareapis.com", private: "privatelink.azurehealthcareapis.com" } as const;

/** Prepares a gate, starts it, and waits until its table is in force. */
export async function startGate(kind: GateKind, settings: GateSettings): Promise<GateUnderTest> {
  const gate = await kind.create(settings);
  try {
    await gate.launch();
    await gate.whenState(state => state.table === "current");
    return gate;
  } catch (error) {
    const said = gate.explain();
    await gate.stop();
    throw new Error(`${gate.name} did not come up: ${said}`, { cause: error });
  }
}
