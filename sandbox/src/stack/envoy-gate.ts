import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Child, startChild } from "./child.ts";
import { composeSharedEnvironment, type GateOptions, repository, type StackPorts } from "./settings.ts";

/** What joins Envoy to services that are unix sockets: it reaches them by DNS names, as in a cluster. */
export interface ServiceBridge {
  resolver: string;
  upstream: string;
  stop(): Promise<void>;
}

/** @throws Error that says what to run where Envoy is missing. */
export function findEnvoy(file = join(repository, ".cache", "envoy", "bin", "envoy")): string {
  if (!existsSync(file)) throw new Error(`Envoy is missing (${file}). Run npm start, which fetches it.`);
  return file;
}

/** Compiles the filter, unless it is younger than its sources. The build script is the gate's; it is no part of what runs. */
export async function buildFilter(): Promise<string> {
  const script = pathToFileURL(join(repository, "envoy-filter", "build.ts")).href;
  const { buildFilter: build } = (await import(script)) as { buildFilter(): string };
  return build();
}

/** @param folder where the accounts' sockets are */
export async function startBridge(folder: string): Promise<ServiceBridge> {
  const script = pathToFileURL(join(repository, "envoy-filter", "testing", "socket-bridge.ts")).href;
  const { SocketBridge } = (await import(script)) as {
    SocketBridge: { start(folder: string): Promise<ServiceBridge> };
  };
  return SocketBridge.start(folder);
}

/** Starts the Envoy gate with its supervisor. @throws Error with the end of its log when it does not come up */
export function startEnvoy(
  options: GateOptions & { envoy: string; filter: string; bridge: ServiceBridge },
  startLimitMs: number,
): Promise<Child> {
  const { paths, ports } = options;
  return startChild({
    name: "The Envoy gate",
    script: join(repository, "envoy-filter", "supervisor", "main.ts"),
    env: {
      ...composeSharedEnvironment(options, listenersOf(ports)),
      LINKGATE_ENVOY_COMMAND: options.envoy,
      LINKGATE_FILTER: options.filter,
      LINKGATE_RUN_DIR: paths.envoyRun,
      LINKGATE_ADMIN_LISTEN: `127.0.0.1:${ports.envoyAdmin}`,
      LINKGATE_UPSTREAM: options.bridge.upstream,
      LINKGATE_RESOLVER: options.bridge.resolver,
      LINKGATE_ACCESS_LOG: paths.envoyAccessLog,
      LINKGATE_ERROR_LOG: paths.envoyErrorLog,
    },
    logFile: paths.envoyLog,
    startLimitMs,
  });
}

function listenersOf(ports: StackPorts): { direct: number; proxy: number; public: number; status: number } {
  const { envoyDirect, envoyProxy, envoyPublic, envoyStatus } = ports;
  return { direct: envoyDirect, proxy: envoyProxy, public: envoyPublic, status: envoyStatus };
}
