import { join } from "node:path";
import { apiName, apiRegistration, findApplication } from "../authority/applications.ts";
import type { Authority } from "../authority/authority.ts";
import { type Child, startChild } from "./child.ts";
import { type ServiceBridge, startEnvoy } from "./envoy-gate.ts";
import type { Ground } from "./ground.ts";
import {
  composeApiEnvironment,
  composeGateEnvironment,
  directHost,
  type GateName,
  type GateOptions,
  repository,
  type StackTimes,
} from "./settings.ts";

/** Milliseconds until a part must be up. */
export const startLimitMs = 180_000;

/** Starts the api's script. */
export function startApi(
  ground: Ground,
  options: {
    databaseUrl: string;
    authority: Authority;
    armUrl: string;
    times: StackTimes;
    customerWrites: boolean;
  },
): Promise<Child> {
  const { applications, ports, certificates, hashesFile } = ground;
  return startChild({
    name: "The api",
    script: join(repository, "api", "src", "server.ts"),
    env: composeApiEnvironment({
      ...options,
      ports,
      certificates,
      hashesFile,
      application: findApplication(applications, apiName),
      registration: findApplication(applications, apiRegistration),
    }),
    logFile: ground.paths.apiLog,
    startLimitMs,
  });
}

/** Starts the NGINX gate's supervisor. */
export function startNginxGate(ground: Ground, fhirFolder: string, times: StackTimes): Promise<Child> {
  return startChild({
    name: "The NGINX gate",
    script: join(repository, "njs", "supervisor", "main.ts"),
    env: composeGateEnvironment({ ...gateOptions(ground, "nginx", times), nginx: ground.nginx, fhirFolder }),
    logFile: ground.paths.gateLog,
    startLimitMs,
  });
}

/** Starts the Envoy gate's supervisor. */
export function startEnvoyGate(ground: Ground, bridge: ServiceBridge, times: StackTimes): Promise<Child> {
  const { envoy, filter } = ground;
  return startEnvoy({ ...gateOptions(ground, "envoy", times), envoy, filter, bridge }, startLimitMs);
}

function gateOptions({ paths, ports, tokens }: Ground, gate: GateName, times: StackTimes): GateOptions {
  const { tokenFile } = tokens[gate];
  return { gate, paths, ports, feedUrl: `http://127.0.0.1:${ports.feed}`, tokenFile, directHost: directHost(), times };
}
