import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@linkgate/api";
import {
  adminAudience,
  apiName,
  apiRegistration,
  createApplications,
  findApplication,
  nrpAppId,
  subscriptionId,
  tenantId,
} from "../authority/applications.ts";
import { type Authority, startAuthority } from "../authority/authority.ts";
import { createPeople } from "../authority/people.ts";
import { type Certificates, createCertificates } from "../certificates.ts";
import { type FhirServices, startFhirServices } from "../fhir/services.ts";
import { answerForPortal } from "../portal/origin.ts";
import { buildPortal, startPortal } from "../portal/portal-process.ts";
import { findFreePorts } from "../ports.ts";
import { preparePrivateFolder, writePrivateFile } from "../private-files.ts";
import { type Azure, resourceGroup, startAzure } from "../services.ts";
import { createTokenSource } from "../token-source.ts";
import { type Child, startChild } from "./child.ts";
import { buildFilter, findEnvoy, type ServiceBridge, startBridge, startEnvoy } from "./envoy-gate.ts";
import { createGateProbe, type GateProbe, killNginx, retireIncarnation } from "./gate-process.ts";
import { StateClaim, untilEnded, watchProcess } from "./leftovers.ts";
import { readTail } from "./log-tail.ts";
import {
  buildGate,
  composeApiEnvironment,
  composeGateEnvironment,
  createGateTokens,
  directHost,
  findDatabaseHome,
  findNginx,
  type GateName,
  type GateToken,
  layOut,
  type NginxFiles,
  repository,
  type StackPaths,
  type StackPorts,
  type StackTimes,
  zone,
} from "./settings.ts";
import { describeClients, describePortal, type StackDescription } from "./stack-file.ts";

/** The parts that run as processes of their own and can be restarted. */
export const components = ["postgres", "api", "nginx", "envoy"] as const;
export type Component = (typeof components)[number];

export interface StackOptions {
  /** Folder for `stack.json`, logs, keys and data; everything of a former stack in it is replaced. */
  state: string;
  /** One line for each part that is up, and for each that fails. */
  report(line: string): void;
  /** Called once where a part died and could not be brought back; the stack is stopped by then. */
  failed(reason: Error): void;
  times?: Partial<StackTimes>;
  /** Where a portal that runs elsewhere may be sent after signing in or out. */
  portalRedirectUris?: string[];
  /** Whether ARM forwards customers' writes of connections as they are, and the api tells NRP. */
  customerWrites?: boolean;
  /** Whether the portal is served, too. It is built first, where there is no build of its sources. */
  portal?: boolean;
}

const startLimitMs = 60_000;
const watchIntervalMs = 500;
/** A part that dies twice within this time is broken, not unlucky. */
const deathsApartMs = 30_000;

/** PostgreSQL, api, the sandbox's Azure and both gates on loopback, with an empty registry. */
export class Stack {
  readonly paths: StackPaths;
  readonly #options: StackOptions;
  readonly #times: StackTimes;
  readonly #began = performance.now();
  readonly #closers: { name: string; close(): Promise<void> }[] = [];
  readonly #applications = createApplications();
  readonly #people = createPeople();
  readonly #deaths = new Map<Component, number>();
  #nginx!: NginxFiles;
  #ports!: StackPorts;
  #claim!: StateClaim;
  #certificates!: Certificates;
  #authority!: Authority;
  #tokens!: Record<GateName, GateToken>;
  #hashesFile = "";
  #envoyFile = "";
  #filter = "";
  #bridge!: ServiceBridge;
  #fhir!: FhirServices;
  #arm!: Azure;
  #database: EmbeddedPostgres | undefined;
  #api: Child | undefined;
  #gate: Child | undefined;
  #envoy: Child | undefined;
  #description: StackDescription | undefined;
  /** Parts that are down on purpose. */
  readonly #resting = new Set<Component>(components);
  /** The start or restart that runs. */
  #change: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(options: StackOptions) {
    this.#options = options;
    this.#times = { maxTableAge: 3600, ageMargin: 1, ...options.times };
    this.paths = layOut(options.state);
  }

  /** What `stack.json` says. @throws Error before the stack is ready. */
  get description(): StackDescription {
    if (!this.#description) throw new Error("The stack is not ready.");
    return this.#description;
  }

  /** The gate's listener for the public network, where no link address is believed. */
  get publicUrl(): string {
    return `http://127.0.0.1:${this.#ports.public}`;
  }

  /** Brings everything up and writes `stack.json` last. Where anything fails, stops what was started and throws. */
  start(): Promise<void> {
    return this.#run(async () => {
      try {
        await this.#prepare();
        await this.#unlessStopped(() => this.#startAzure());
        await this.#unlessStopped(() => this.#startDatabase());
        await this.#unlessStopped(() => this.#startApi());
        await this.#unlessStopped(() => this.#arm.announce());
        await this.#unlessStopped(() => this.#startGate());
        await this.#unlessStopped(() => this.#startEnvoy());
        if (this.#options.portal === true) await this.#unlessStopped(() => this.#startPortal());
        this.#description = this.#describe();
        this.#onStop("stack.json", () => rm(this.paths.stackFile, { force: true }));
        await writePrivateFile(this.paths.stackFile, `${JSON.stringify(this.#description, undefined, 2)}\n`);
      } catch (error) {
        await this.#stopAll();
        throw error;
      }
    });
  }

  /**
   * Restarts one part on the same ports and data; resolves when it is ready again.
   *
   * @param how `clean` asks it to end; `kill` ends it as a crash would (for NGINX: master and workers, under a
   *   supervisor that lives on and brings them back).
   */
  restart(component: Component, how: "clean" | "kill"): Promise<void> {
    return this.#run(async () => {
      this.#resting.add(component);
      if (component === "postgres") await this.#restartDatabase(how);
      if (component === "api") {
        await this.#api?.stop(how === "kill" ? "SIGKILL" : "SIGTERM");
        await this.#unlessStopped(() => this.#startApi());
      }
      if (component === "nginx") {
        await this.#restartGate(how);
      }
      if (component === "envoy") await this.#restartEnvoy(how);
    });
  }

  /**
   * Stops PostgreSQL, lets somebody at its files, and starts it again on the same port: how a backup of them is made,
   * and how one is put back. api and gate go on meanwhile.
   */
  whileDatabaseRests(work: (folder: string) => Promise<void>): Promise<void> {
    return this.#run(async () => {
      this.#resting.add("postgres");
      await this.#restartDatabase("clean", work);
    });
  }

  /** Ends everything in the opposite order of its start, also after a start that failed half-way. */
  stop(): Promise<void> {
    // A part that is being started is let up first, because only then there is something to stop.
    this.#stopping ??= this.#change.catch(() => {}).then(() => this.#stopAll());
    return this.#stopping;
  }

  #run(change: () => Promise<void>): Promise<void> {
    this.#change = this.#change.catch(() => {}).then(change);
    return this.#change;
  }

  async #unlessStopped(step: () => Promise<void>): Promise<void> {
    if (this.#stopping) throw new Error("The stack was stopped meanwhile.");
    await step();
  }

  async #prepare(): Promise<void> {
    this.#nginx = findNginx();
    this.#envoyFile = findEnvoy();
    const { paths } = this;
    await mkdir(paths.state, { recursive: true });
    this.#claim = await StateClaim.take(paths.state);
    this.#onStop("claim", () => this.#claim.release());
    await killNginx(paths.run);
    for (const folder of [paths.stackFile, paths.private, paths.logs, join(paths.state, "sandbox")]) {
      await rm(folder, { recursive: true, force: true });
    }
    await preparePrivateFolder(paths.private);
    for (const folder of [paths.logs, paths.run, paths.envoyRun]) await mkdir(folder, { recursive: true });
    const [postgres = 0, arm = 0, feed = 0, admin = 0, ...rest] = await findFreePorts(13);
    const [direct = 0, proxy = 0, open = 0, status = 0, ...envoy] = rest;
    const [envoyDirect = 0, envoyProxy = 0, envoyPublic = 0, envoyStatus = 0, envoyAdmin = 0] = envoy;
    const ofEnvoy = { envoyDirect, envoyProxy, envoyPublic, envoyStatus, envoyAdmin };
    this.#ports = { postgres, arm, feed, admin, direct, proxy, public: open, status, ...ofEnvoy };
    this.#certificates = await createCertificates(paths.private);
    const { tokens, hashesFile } = await createGateTokens(paths);
    this.#tokens = tokens;
    this.#hashesFile = hashesFile;
    await buildGate(paths.gateScript);
    this.#filter = await buildFilter();
  }

  async #startAzure(): Promise<void> {
    const applications = this.#applications;
    this.#authority = await startAuthority({
      server: this.#certificates.server,
      applications,
      people: this.#people,
      portalRedirectUris: this.#options.portalRedirectUris ?? [],
    });
    this.#onStop("authority", () => this.#authority.stop());
    this.#fhir = await startFhirServices();
    this.#onStop("FHIR services", () => this.#fhir.close());
    await this.#claim.noteFolder(this.#fhir.folder);
    this.#arm = await startAzure({
      certificates: this.#certificates,
      applications,
      people: this.#people,
      authority: this.#authority,
      fhir: this.#fhir,
      customerWrites: this.#options.customerWrites ?? false,
      providerUrl: () => `https://127.0.0.1:${this.#ports.arm}`,
    });
    this.#onStop("ARM", () => this.#arm.stop());
    this.#say("sign-in authority", this.#authority.url);
    this.#say("ARM and NRP", this.#arm.url);
    this.#say("FHIR services", `${this.#fhir.folder}/{account}.sock`);
  }

  async #startDatabase(): Promise<void> {
    await this.#openDatabase();
    this.#onStop("PostgreSQL", async () => this.#database?.stop());
    this.#say("PostgreSQL", `127.0.0.1:${this.#ports.postgres}`);
  }

  async #startApi(): Promise<void> {
    const api = await startChild({
      name: "The api",
      script: join(repository, "api", "src", "server.ts"),
      env: composeApiEnvironment({
        databaseUrl: this.#database?.url ?? "",
        ports: this.#ports,
        certificates: this.#certificates,
        authority: this.#authority,
        hashesFile: this.#hashesFile,
        times: this.#times,
        customerWrites: this.#options.customerWrites ?? false,
        armUrl: this.#arm.url,
        application: findApplication(this.#applications, apiName),
        registration: findApplication(this.#applications, apiRegistration),
      }),
      logFile: this.paths.apiLog,
      startLimitMs,
    });
    await this.#adopt("api", api);
    this.#say("api", String(api.ready.armUrl));
  }

  async #startGate(): Promise<void> {
    const gate = await startChild({
      name: "The NGINX gate",
      script: join(repository, "njs", "supervisor", "main.ts"),
      env: composeGateEnvironment({
        gate: "nginx",
        nginx: this.#nginx,
        paths: this.paths,
        ports: this.#ports,
        feedUrl: `http://127.0.0.1:${this.#ports.feed}`,
        tokenFile: this.#tokens.nginx.tokenFile,
        fhirFolder: this.#fhir.folder,
        directHost: directHost(),
        times: this.#times,
      }),
      logFile: this.paths.gateLog,
      startLimitMs,
    });
    await this.#adopt("nginx", gate);
    await this.#probe.untilReady();
    this.#say("NGINX gate", `http://${directHost()}:${this.#ports.direct}`);
  }

  /** The portal, the admin API and the authority share one origin, as behind one ingress: one certificate to accept. */
  async #startPortal(): Promise<void> {
    if (await buildPortal()) this.#say("portal", "built");
    const { url } = this.#authority;
    const portal = await startPortal({ authorityUrl: url, logFile: this.paths.portalLog, startLimitMs });
    this.#onStop("portal", () => portal.stop("SIGTERM"));
    await this.#claim.note("portal", portal.pid);
    this.#authority.serveBeside(
      answerForPortal({
        adminUrl: () => `https://127.0.0.1:${this.#ports.admin}`,
        portalUrl: String(portal.ready.portalUrl),
        ca: await readFile(this.#certificates.caFile, "utf8"),
      }),
    );
    this.#say("portal", url);
  }

  async #startEnvoy(): Promise<void> {
    this.#bridge ??= await this.#openBridge();
    const gate = await startEnvoy(
      {
        gate: "envoy",
        envoy: this.#envoyFile,
        filter: this.#filter,
        bridge: this.#bridge,
        paths: this.paths,
        ports: this.#ports,
        feedUrl: `http://127.0.0.1:${this.#ports.feed}`,
        tokenFile: this.#tokens.envoy.tokenFile,
        directHost: directHost(),
        times: this.#times,
      },
      startLimitMs,
    );
    await this.#adopt("envoy", gate);
    await this.#envoyProbe.untilReady();
    this.#say("Envoy gate", `http://${directHost()}:${this.#ports.envoyDirect}`);
  }

  async #openBridge(): Promise<ServiceBridge> {
    const bridge = await startBridge(this.#fhir.folder);
    this.#onStop("bridge to the services", () => bridge.stop());
    return bridge;
  }

  /** Envoy ends with its supervisor, so what a crash leaves is known to be dead and need not be waited for. */
  async #restartEnvoy(how: "clean" | "kill"): Promise<void> {
    const left = await this.#envoyProbe.readIncarnation();
    await this.#envoy?.stop(how === "kill" ? "SIGKILL" : "SIGTERM");
    await this.#unlessStopped(() => this.#startEnvoy());
    if (how === "kill" && left !== undefined) await this.#retire(left);
  }

  #childOf(component: "api" | GateName): Child | undefined {
    if (component === "api") return this.#api;
    return component === "nginx" ? this.#gate : this.#envoy;
  }

  /** Takes a started process as the part's present one, to be stopped in the end and watched until then. */
  async #adopt(component: "api" | GateName, child: Child): Promise<void> {
    const first = this.#childOf(component) === undefined;
    const current = (): Child | undefined => this.#childOf(component);
    if (component === "api") this.#api = child;
    else if (component === "nginx") this.#gate = child;
    else this.#envoy = child;
    if (first) this.#onStop(component, async () => current()?.stop("SIGTERM"));
    await this.#claim.note(component, child.pid);
    this.#resting.delete(component);
    void child.exited.then(how => {
      if (current() === child) return this.#notice(component, how);
      return undefined;
    });
  }

  async #restartGate(how: "clean" | "kill"): Promise<void> {
    if (how === "clean" || !this.#gate) {
      await this.#gate?.stop("SIGTERM");
      // After a supervisor that was killed, its NGINX may live on; what is known to be dead need not be waited for.
      const left = await this.#probe.readIncarnation();
      await killNginx(this.paths.run);
      await this.#unlessStopped(() => this.#startGate());
      if (left !== undefined) await this.#retire(left);
      return;
    }
    const former = await this.#probe.readIncarnation();
    await killNginx(this.paths.run);
    await this.#probe.untilReady(former);
    this.#resting.delete("nginx");
  }

  async #retire(incarnation: string): Promise<void> {
    const application = findApplication(this.#applications, "platform-engineer");
    const { ca } = this.#certificates;
    const source = createTokenSource({ authority: this.#authority, ca, application, resource: adminAudience });
    const token = await source.get().finally(() => source.close());
    await retireIncarnation({ url: `https://127.0.0.1:${this.#ports.admin}`, ca, token, incarnation });
  }

  get #envoyProbe(): GateProbe {
    return createGateProbe(`http://127.0.0.1:${this.#ports.envoyStatus}`);
  }

  get #probe(): GateProbe {
    return createGateProbe(`http://127.0.0.1:${this.#ports.status}`);
  }

  async #restartDatabase(how: "clean" | "kill", between?: (folder: string) => Promise<void>): Promise<void> {
    const database = this.#database;
    if (!database) return;
    if (how === "kill") {
      process.kill(database.pid, "SIGKILL");
      await untilEnded(database.pid);
    }
    await database.stop();
    await between?.(await findDatabaseHome(this.paths.postgres));
    await this.#openDatabase();
  }

  async #openDatabase(): Promise<void> {
    this.#database = await startEmbeddedPostgres({ dataDir: this.paths.postgres, port: this.#ports.postgres });
    await this.#claim.note("postgres", this.#database.pid);
    this.#watchDatabase(this.#database);
    this.#resting.delete("postgres");
  }

  #watchDatabase(database: EmbeddedPostgres): void {
    const isRunning = watchProcess(database.pid);
    const timer = setInterval(() => {
      if (this.#database === database && isRunning()) return;
      clearInterval(timer);
      if (this.#database === database) void this.#notice("postgres", "no word");
    }, watchIntervalMs);
    timer.unref();
  }

  /** A part has ended. On purpose: nothing. By itself: say so with its last words, and bring it back, once. */
  async #notice(component: Component, how: string): Promise<void> {
    if (this.#stopping || this.#resting.has(component)) return;
    const log = {
      postgres: join(this.paths.postgres, "postgres.log"),
      api: this.paths.apiLog,
      nginx: this.paths.gateLog,
      envoy: this.paths.envoyLog,
    };
    this.#options.report(`${component} ended by itself, with ${how}.\n${await readTail(log[component])}`);
    const last = this.#deaths.get(component);
    this.#deaths.set(component, performance.now());
    try {
      if (last !== undefined && performance.now() - last < deathsApartMs) throw new Error("It has done so before.");
      await this.restart(component, "clean");
      this.#options.report(`${component} is back.`);
    } catch (error) {
      await this.stop();
      this.#options.failed(new Error(`${component} could not be brought back: ${(error as Error).message}`));
    }
  }

  async #stopAll(): Promise<void> {
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer.close();
      } catch (error) {
        this.#options.report(`${closer.name} did not stop as it should: ${(error as Error).message}`);
      }
    }
  }

  #onStop(name: string, close: () => Promise<unknown>): void {
    this.#closers.push({ name, close: async () => void (await close()) });
  }

  #describe(): StackDescription {
    const { caFile, arm } = this.#certificates;
    return {
      ready: true,
      arm: {
        url: this.#arm.url,
        caFile,
        authority: this.#authority.url,
        tenantId,
        subscriptionId,
        resourceGroup,
        clients: describeClients(this.#applications),
      },
      rp: {
        url: String(this.#api?.ready.armUrl),
        caFile,
        armCertFile: arm.certificateFile,
        armKeyFile: arm.keyFile,
        nrpAppId,
        nrpAppSecret: findApplication(this.#applications, "nrp").secret,
        adminUrl: String(this.#api?.ready.adminUrl),
      },
      gates: {
        nginx: {
          httpUrl: `http://${directHost()}:${this.#ports.direct}`,
          proxyProtocolAddress: `127.0.0.1:${this.#ports.proxy}`,
          accessLog: this.paths.accessLog,
        },
        envoy: {
          httpUrl: `http://${directHost()}:${this.#ports.envoyDirect}`,
          proxyProtocolAddress: `127.0.0.1:${this.#ports.envoyProxy}`,
          accessLog: this.paths.envoyAccessLog,
        },
      },
      feed: {
        url: String(this.#api?.ready.feedUrl),
        tokens: { nginx: this.#tokens.nginx.token, envoy: this.#tokens.envoy.token },
      },
      upstream: { url: this.#fhir.url },
      portal: describePortal(this.#options.portal === true ? this.#authority.url : undefined, this.#people),
      zone,
    };
  }

  #say(part: string, where: string): void {
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
    this.#options.report(`${seconds.padStart(5)} s  ${part.padEnd(18)} ${where}`);
  }
}
