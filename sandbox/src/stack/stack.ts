import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { adminAudience, findApplication } from "../authority/applications.ts";
import { type Authority, startAuthority } from "../authority/authority.ts";
import { type FhirServices, startFhirServices } from "../fhir/services.ts";
import { answerForPortal } from "../portal/origin.ts";
import { buildPortal, startPortal } from "../portal/portal-process.ts";
import { writePrivateFile } from "../private-files.ts";
import { type Azure, startAzure } from "../services.ts";
import { createTokenSource } from "../token-source.ts";
import type { Child } from "./child.ts";
import { StackDatabase } from "./database.ts";
import { type ServiceBridge, startBridge } from "./envoy-gate.ts";
import { createGateProbe, type GateProbe, killNginx, retireIncarnation } from "./gate-process.ts";
import { type Ground, layGround } from "./ground.ts";
import { StateClaim } from "./leftovers.ts";
import { readTail } from "./log-tail.ts";
import { startApi, startEnvoyGate, startLimitMs, startNginxGate } from "./parts.ts";
import { directHost, type GateName, layOut, type StackPaths, type StackTimes } from "./settings.ts";
import { describeStack, type StackDescription } from "./stack-file.ts";

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
  /** Whether ARM forwards customers' writes of connections as they are, and the api tells NRP. */
  customerWrites?: boolean;
  /** Whether the portal is served, too. It is built first, where there is no build of its sources. */
  portal?: boolean;
}

/** Milliseconds: a part that dies within this time of having been brought back is broken, not unlucky. */
const deathsApartMs = 30_000;

/** PostgreSQL, api, the sandbox's Azure, both gates and the portal on loopback, with an empty registry. */
export class Stack {
  readonly paths: StackPaths;
  readonly #options: StackOptions;
  readonly #times: StackTimes;
  readonly #began = performance.now();
  readonly #closers: { name: string; close(): Promise<void> }[] = [];
  /** When a part was last brought back, or was to be. */
  readonly #returns = new Map<Component, number>();
  readonly #children = new Map<"api" | GateName, Child>();
  #claim!: StateClaim;
  #ground!: Ground;
  #authority!: Authority;
  #fhir!: FhirServices;
  #arm!: Azure;
  #database!: StackDatabase;
  #bridge: ServiceBridge | undefined;
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
    return `http://127.0.0.1:${this.#ground.ports.public}`;
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
        await this.#unlessStopped(() => this.#startNginx());
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
        await this.#children.get("api")?.stop(how === "kill" ? "SIGKILL" : "SIGTERM");
        await this.#unlessStopped(() => this.#startApi());
      }
      if (component === "nginx") await this.#restartNginx(how);
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
    await mkdir(this.paths.state, { recursive: true });
    this.#claim = await StateClaim.take(this.paths.state);
    this.#onStop("claim", () => this.#claim.release());
    this.#ground = await layGround(this.paths);
  }

  async #startAzure(): Promise<void> {
    const { certificates, applications, people, ports } = this.#ground;
    const { customerWrites = false } = this.#options;
    this.#authority = await startAuthority({
      server: certificates.server,
      applications,
      people,
    });
    this.#onStop("authority", () => this.#authority.stop());
    this.#fhir = await startFhirServices();
    this.#onStop("FHIR services", () => this.#fhir.close());
    await this.#claim.noteFolder(this.#fhir.folder);
    this.#arm = await startAzure({
      certificates,
      applications,
      people,
      authority: this.#authority,
      fhir: this.#fhir,
      customerWrites,
      providerUrl: () => `https://127.0.0.1:${ports.arm}`,
    });
    this.#onStop("ARM", () => this.#arm.stop());
    this.#say("sign-in authority", this.#authority.url);
    this.#say("ARM and NRP", this.#arm.url);
    this.#say("FHIR services", `${this.#fhir.folder}/{account}.sock`);
  }

  async #startDatabase(): Promise<void> {
    const { postgres: port } = this.#ground.ports;
    this.#database = new StackDatabase({
      folder: this.paths.postgres,
      port,
      opened: async pid => {
        await this.#claim.note("postgres", pid);
        this.#resting.delete("postgres");
      },
      ended: () => void this.#notice("postgres", "no word"),
    });
    await this.#database.open();
    this.#onStop("PostgreSQL", () => this.#database.stop());
    this.#say("PostgreSQL", `127.0.0.1:${port}`);
  }

  async #startApi(): Promise<void> {
    const api = await startApi(this.#ground, {
      databaseUrl: this.#database.url,
      authority: this.#authority,
      armUrl: this.#arm.url,
      times: this.#times,
      customerWrites: this.#options.customerWrites ?? false,
    });
    await this.#adopt("api", api);
    this.#say("api", String(api.ready.armUrl));
  }

  async #startNginx(): Promise<void> {
    await this.#adopt("nginx", await startNginxGate(this.#ground, this.#fhir.folder, this.#times));
    await this.#probe("nginx").untilReady();
    this.#say("NGINX gate", `http://${directHost()}:${this.#ground.ports.direct}`);
  }

  async #startEnvoy(): Promise<void> {
    this.#bridge ??= await this.#openBridge();
    await this.#adopt("envoy", await startEnvoyGate(this.#ground, this.#bridge, this.#times));
    await this.#probe("envoy").untilReady();
    this.#say("Envoy gate", `http://${directHost()}:${this.#ground.ports.envoyDirect}`);
  }

  async #openBridge(): Promise<ServiceBridge> {
    const bridge = await startBridge(this.#fhir.folder);
    this.#onStop("bridge to the services", () => bridge.stop());
    return bridge;
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
        adminUrl: () => `https://127.0.0.1:${this.#ground.ports.admin}`,
        portalUrl: String(portal.ready.portalUrl),
        ca: await readFile(this.#ground.certificates.caFile, "utf8"),
      }),
    );
    this.#say("portal", url);
  }

  /** Takes a started process as the part's present one, to be stopped in the end and watched until then. */
  async #adopt(component: "api" | GateName, child: Child): Promise<void> {
    const first = !this.#children.has(component);
    this.#children.set(component, child);
    if (first) this.#onStop(component, async () => this.#children.get(component)?.stop("SIGTERM"));
    await this.#claim.note(component, child.pid);
    this.#resting.delete(component);
    void child.exited.then(how => {
      if (this.#children.get(component) === child) return this.#notice(component, how);
      return undefined;
    });
  }

  async #restartNginx(how: "clean" | "kill"): Promise<void> {
    const gate = this.#children.get("nginx");
    const probe = this.#probe("nginx");
    if (how === "clean" || !gate) {
      await gate?.stop("SIGTERM");
      // After a supervisor that was killed, its NGINX may live on; what is known to be dead need not be waited for.
      const left = await probe.readIncarnation();
      await killNginx(this.paths.run);
      await this.#unlessStopped(() => this.#startNginx());
      if (left !== undefined) await this.#retire(left);
      return;
    }
    const former = await probe.readIncarnation();
    await killNginx(this.paths.run);
    await probe.untilReady(former);
    this.#resting.delete("nginx");
  }

  /** Envoy ends with its supervisor, so what a crash leaves is known to be dead and need not be waited for. */
  async #restartEnvoy(how: "clean" | "kill"): Promise<void> {
    const left = await this.#probe("envoy").readIncarnation();
    await this.#children.get("envoy")?.stop(how === "kill" ? "SIGKILL" : "SIGTERM");
    await this.#unlessStopped(() => this.#startEnvoy());
    if (how === "kill" && left !== undefined) await this.#retire(left);
  }

  async #restartDatabase(how: "clean" | "kill", between?: (folder: string) => Promise<void>): Promise<void> {
    await this.#database?.restart(how, between);
  }

  async #retire(incarnation: string): Promise<void> {
    const { applications, certificates, ports } = this.#ground;
    const application = findApplication(applications, "platform-engineer");
    const { ca } = certificates;
    const source = createTokenSource({ authority: this.#authority, ca, application, resource: adminAudience });
    const token = await source.get().finally(() => source.close());
    await retireIncarnation({ url: `https://127.0.0.1:${ports.admin}`, ca, token, incarnation });
  }

  #probe(gate: GateName): GateProbe {
    const { status, envoyStatus } = this.#ground.ports;
    return createGateProbe(`http://127.0.0.1:${gate === "nginx" ? status : envoyStatus}`);
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
    const last = this.#returns.get(component);
    this.#returns.set(component, performance.now());
    try {
      if (last !== undefined && performance.now() - last < deathsApartMs) throw new Error("It has done so before.");
      await this.restart(component, "clean");
      this.#returns.set(component, performance.now());
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
    const api = this.#children.get("api")?.ready ?? {};
    return describeStack({
      ground: this.#ground,
      armUrl: this.#arm.url,
      authorityUrl: this.#authority.url,
      fhirUrl: this.#fhir.url,
      api: { armUrl: String(api.armUrl), adminUrl: String(api.adminUrl), feedUrl: String(api.feedUrl) },
      hasPortal: this.#options.portal === true,
    });
  }

  #say(part: string, where: string): void {
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
    this.#options.report(`${seconds.padStart(5)} s  ${part.padEnd(18)} ${where}`);
  }
}
