import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent } from "undici";
import { startEmbeddedPostgres } from "../../src/database/embedded-postgres.ts";
import { makeCertificate } from "../../test/support/certificates.ts";
import { ArmClient, type ClientOptions } from "../../test/support/client.ts";
import type { Random } from "../random.ts";
import { Balancer } from "./balancer.ts";
import { Ledger, Objections } from "./ledger.ts";
import { NrpDouble } from "./nrp-double.ts";
import { Admissions, Reader } from "./reader.ts";
import { makeEnvironment, NRP, Replica } from "./replica.ts";
import { Reporter } from "./reporter.ts";

export const REPLICAS = 3;
const READERS = 6;
/** Connections of an account: so few that writers fight for them. */
export const MAX_CONNECTIONS = 5;
const TOKEN = "token-of-the-soak";

/** What a world is made of, and has to be closed. */
interface Parts {
  readonly databaseUrl: string;
  readonly nrp: NrpDouble;
  readonly arm: Balancer;
  readonly feed: Balancer;
  readonly env: NodeJS.ProcessEnv;
  readonly clients: ClientOptions;
}

type Closers = (() => Promise<unknown>)[];

/** Replicas of the api behind a balancer, on one real PostgreSQL; NRP's double, and gates that follow the feed. */
export class World {
  readonly random: Random;
  readonly objections = new Objections();
  readonly ledger: Ledger;
  readonly readers: Reader[] = [];
  /** The last errors that the replicas logged. */
  readonly errors: string[] = [];
  readonly #admissions = new Admissions(this.objections.add);
  readonly #counts: Record<string, number> = {};
  readonly #replicas: (Replica | undefined)[] = [];
  readonly #dispatcher = new Agent();
  readonly #parts: Parts;
  readonly #closers: Closers;

  private constructor(random: Random, parts: Parts, closers: Closers) {
    this.random = random;
    this.#parts = parts;
    this.#closers = closers;
    this.ledger = new Ledger({
      maxConnections: MAX_CONNECTIONS,
      admissions: this.#admissions,
      told: this.nrp.told,
      object: this.objections.add,
    });
    this.nrp.onTold = name => {
      if (!this.ledger.toTell.has(name)) this.objections.add(`NRP was told of ${name}, whose account nobody deleted`);
    };
  }

  static async open(random: Random): Promise<World> {
    const closers: Closers = [];
    try {
      const world = new World(random, await startParts(random, closers), closers);
      await world.#begin();
      return world;
    } catch (error) {
      await closeAll(closers);
      throw error;
    }
  }

  get nrp(): NrpDouble {
    return this.#parts.nrp;
  }

  get databaseUrl(): string {
    return this.#parts.databaseUrl;
  }

  /** How often what happened. */
  get counts(): Readonly<Record<string, number>> {
    return { ...this.ledger.counts, ...this.#counts, "calls to NRP": this.nrp.calls };
  }

  count(what: string, by = 1): void {
    this.note(what, (this.#counts[what] ?? 0) + by);
  }

  /** What is to be reported, in the place of what was. */
  note(what: string, value: number): void {
    this.#counts[what] = value;
  }

  countReader(reader: Reader): void {
    for (const [what, count] of Object.entries(reader.counts)) this.count(`feed ${what}`, count);
  }

  newClient(): ArmClient {
    return new ArmClient(`https://127.0.0.1:${this.#parts.arm.port}`, this.#parts.clients);
  }

  newReader(): Reader {
    return new Reader({ ...this.#feedAccess(), admissions: this.#admissions });
  }

  newReporter(number: number, accounts: readonly string[]): Reporter {
    return new Reporter({ ...this.#feedAccess(), random: this.random.fork(), number, accounts });
  }

  async startReplica(slot: number): Promise<void> {
    const replica = await Replica.start(this.#parts.env, line => {
      if (!line.startsWith("{") || JSON.parse(line).level < 50) return;
      this.count("errors logged");
      this.errors.push(line);
      if (this.errors.length > 20) this.errors.shift();
    });
    this.#replicas[slot] = replica;
    this.#retarget(slot, replica);
  }

  /** Ends the replica of a slot, which gets no connections any more. @returns the exit code, or the signal that it died of */
  async endReplica(slot: number, how: "SIGTERM" | "SIGKILL"): Promise<string | undefined> {
    const ended = this.#replicas[slot]?.end(how);
    if (how === "SIGKILL") this.#retarget(slot, undefined);
    const code = await ended;
    this.#retarget(slot, undefined);
    return code;
  }

  async close(): Promise<void> {
    await closeAll(this.#closers);
  }

  async #begin(): Promise<void> {
    this.#closers.push(() => this.#dispatcher.destroy());
    // All at once, on an empty database: the first to come makes the tables.
    await Promise.all(Array.from({ length: REPLICAS }, (_, slot) => this.startReplica(slot)));
    this.#closers.push(() => Promise.all(this.#replicas.map(replica => replica?.end("SIGTERM"))));
    for (let n = 0; n < READERS; n++) this.readers.push(this.newReader());
    this.#closers.push(() => Promise.all(this.readers.map(reader => reader.die())));
  }

  #retarget(slot: number, replica: Replica | undefined): void {
    this.#parts.arm.setTarget(slot, replica?.ports.arm);
    this.#parts.feed.setTarget(slot, replica?.ports.feed);
  }

  /** How gates reach the feed, whichever replica answers, and where they tell what is wrong. */
  #feedAccess() {
    const url = `http://127.0.0.1:${this.#parts.feed.port}`;
    return { url, token: TOKEN, dispatcher: this.#dispatcher, object: this.objections.add };
  }
}

/** Starts everything that stays for as long as the world. @param closers gets how each is closed */
async function startParts(random: Random, closers: Closers): Promise<Parts> {
  const folder = await mkdtemp(join(tmpdir(), "linkgate-soak-"));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, "postgres") });
  closers.push(() => postgres.stop());
  const [server, armCertificate] = await Promise.all([makeCertificate("server"), makeCertificate("arm")]);
  const nrp = await NrpDouble.start(server, random.fork());
  closers.push(() => nrp.stop());
  const [arm, feed] = await Promise.all([Balancer.start(), Balancer.start()]);
  closers.push(() => Promise.all([arm.stop(), feed.stop()]));
  const files = { folder, databaseUrl: postgres.url, server, arm: armCertificate, gates: { soak: TOKEN } };
  const env = {
    ...(await makeEnvironment(files)),
    LINKGATE_MAX_CONNECTIONS: String(MAX_CONNECTIONS),
    ...nrp.env,
  };
  const clients = { ca: server.cert, certificate: armCertificate, appId: NRP };
  return { databaseUrl: postgres.url, nrp, arm, feed, env, clients };
}

/** What was opened last is closed first. */
async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.toReversed()) await close();
}
