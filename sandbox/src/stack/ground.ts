import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { findFreePorts } from "@linkgate/njs/testing";
import { type Application, createApplications } from "../authority/applications.ts";
import { createPeople, type Person } from "../authority/people.ts";
import { type Certificates, createCertificates } from "../certificates.ts";
import { preparePrivateFolder } from "../private-files.ts";
import { buildFilter, findEnvoy } from "./envoy-gate.ts";
import { killNginx } from "./gate-process.ts";
import {
  buildGate,
  createGateTokens,
  findNginx,
  type GateName,
  type GateToken,
  type NginxFiles,
  type StackPaths,
  type StackPorts,
} from "./settings.ts";

/** What the parts of a stack stand on: all that is there before the first of them starts, and stays over restarts. */
export interface Ground {
  paths: StackPaths;
  ports: StackPorts;
  certificates: Certificates;
  applications: readonly Application[];
  people: readonly Person[];
  tokens: Record<GateName, GateToken>;
  /** The tokens' hashes, for the api. */
  hashesFile: string;
  nginx: NginxFiles;
  envoy: string;
  /** Envoy's filter, compiled. */
  filter: string;
}

/**
 * Makes room in a state folder that is claimed already, draws ports, keys, secrets and passwords, and builds the gates.
 *
 * @throws Error that says what to run where NGINX or Envoy is missing.
 */
export async function layGround(paths: StackPaths): Promise<Ground> {
  const nginx = findNginx();
  const envoy = findEnvoy();
  await killNginx(paths.run);
  for (const folder of [paths.stackFile, paths.private, paths.logs, join(paths.state, "sandbox")]) {
    await rm(folder, { recursive: true, force: true });
  }
  await preparePrivateFolder(paths.private);
  for (const folder of [paths.logs, paths.run, paths.envoyRun]) await mkdir(folder, { recursive: true });
  const ports = await drawPorts();
  const certificates = await createCertificates(paths.private);
  const { tokens, hashesFile } = await createGateTokens(paths);
  await buildGate(paths.gateScript);
  const filter = await buildFilter();
  const applications = createApplications();
  return { paths, ports, certificates, applications, people: createPeople(), tokens, hashesFile, nginx, envoy, filter };
}

async function drawPorts(): Promise<StackPorts> {
  const [postgres = 0, arm = 0, feed = 0, admin = 0, ...rest] = await findFreePorts(13);
  const [direct = 0, proxy = 0, open = 0, status = 0, ...envoy] = rest;
  const [envoyDirect = 0, envoyProxy = 0, envoyPublic = 0, envoyStatus = 0, envoyAdmin = 0] = envoy;
  const ofEnvoy = { envoyDirect, envoyProxy, envoyPublic, envoyStatus, envoyAdmin };
  return { postgres, arm, feed, admin, direct, proxy, public: open, status, ...ofEnvoy };
}
