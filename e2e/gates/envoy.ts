import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildFilter } from "../../envoy-filter/build.ts";
import { askAdmin, sumStats } from "../../envoy-filter/supervisor/admin-client.ts";
import { SocketBridge } from "../../envoy-filter/testing/socket-bridge.ts";
import { PATIENCE_MS, until } from "../../njs/test/support/until.ts";
import { type GateKind, type GatePart, type GateProcesses, type GateSettings, startGate } from "./gate.ts";
import { childrenOf, readCommand } from "./processes.ts";
import { makePlace, type Place, ROOT, SupervisedGate, writeEnvironment } from "./supervised-gate.ts";

const FAULTY = join(ROOT, "envoy-filter/dist/faulty.wasm");

/** Envoy with the wasm filter, run by its supervisor as in production, with deploy/envoy's templates as they are. */
export const envoy: GateKind = { name: "envoy", parts: [], create: settings => createEnvoy(settings) };

/** The same with the product's own filter that traps when a test asks for it: envoy-filter/test/wasm/faulty.ts says how. */
export const faultyEnvoy: GateKind = {
  ...envoy,
  create: settings => createEnvoy(settings, { LINKGATE_FILTER: buildFilter("test/wasm/faulty.ts", FAULTY) }),
};

/** Starts an Envoy with settings of its supervisor that are Envoy's alone, or wrong. @param env by variable */
export async function startEnvoy(settings: GateSettings, env: Record<string, string> = {}): Promise<EnvoyGate> {
  return (await startGate({ ...envoy, create: each => createEnvoy(each, env) }, settings)) as EnvoyGate;
}

/** Prepares an Envoy, as {@link startEnvoy} starts it. */
export async function createEnvoy(settings: GateSettings, env: Record<string, string> = {}): Promise<EnvoyGate> {
  const command = process.env.LINKGATE_ENVOY_COMMAND ?? join(ROOT, ".cache/envoy/bin/envoy");
  if (!existsSync(command)) throw new Error(`there is no Envoy at ${command}: run npm test, which fetches it`);
  const filter = buildFilter();
  const place = await makePlace(settings, "lge-", 1);
  const bridge = await SocketBridge.start(settings.upstreamDir);
  return new EnvoyGate(place, bridge, {
    ...writeEnvironment(settings, place),
    LINKGATE_ENVOY_COMMAND: command,
    LINKGATE_FILTER: filter,
    LINKGATE_UPSTREAM: bridge.upstream,
    LINKGATE_RESOLVER: bridge.resolver,
    LINKGATE_ADMIN_LISTEN: `127.0.0.1:${place.morePorts[0]}`,
    ...env,
  });
}

/** An Envoy under test, with what only Envoy has. */
export class EnvoyGate extends SupervisedGate {
  readonly name = "envoy";
  readonly #admin: string;
  readonly #bridge: SocketBridge;

  constructor(place: Place, bridge: SocketBridge, env: Record<string, string>) {
    super("envoy-filter/supervisor/main.ts", place, env);
    this.#admin = `127.0.0.1:${place.morePorts[0]}`;
    this.#bridge = bridge;
  }

  /** Workers and follower are threads of the one process. */
  async readProcesses(): Promise<GateProcesses> {
    const supervisor = this.supervisorPid;
    const [master = 0] = childrenOf(supervisor).filter(pid => /envoy/.test(readCommand(pid)));
    return { supervisor, master, workers: [], follower: master };
  }

  /** Envoy has no size of a table to change: its listeners are put in place again. */
  async reload(): Promise<void> {
    const before = await this.#readListenerVersion();
    this.signalSupervisor("SIGHUP");
    await until(
      async () => (await this.#readListenerVersion()) !== before,
      () => `the listeners are the old ones\n${this.explain()}`,
    );
  }

  /** Reads a page of Envoy's admin listener. @throws Error when there is no whole answer */
  readAdmin(path: string): Promise<string> {
    return askAdmin(this.#admin, "GET", path, PATIENCE_MS);
  }

  /** The sum of the statistics whose names match; 0 when there are none. */
  sumStats(pattern: string): Promise<number> {
    return sumStats(this.#admin, pattern, PATIENCE_MS);
  }

  override async stop(): Promise<void> {
    await super.stop();
    await this.#bridge.stop();
  }

  protected override async findPids(part: GatePart): Promise<number[]> {
    if (part === "worker" || part === "follower") throw new Error(`the ${part} is a thread of Envoy's`);
    return super.findPids(part);
  }

  async #readListenerVersion(): Promise<string> {
    return this.readAdmin("/stats?filter=listener_manager.lds.version_text");
  }
}
