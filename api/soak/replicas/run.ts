import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { Agent } from "undici";
import { startEmbeddedPostgres } from "../../src/database/embedded-postgres.ts";
import { type Certificate, makeCertificate } from "../../test/support/certificates.ts";
import { ArmClient } from "../../test/support/client.ts";
import { ACCOUNT_BODY, accountPath, expectStatus } from "../../test/support/documents.ts";
import { findBrokenInvariants } from "../invariants.ts";
import { type Random, randomOf } from "../random.ts";
import { Balancer } from "./balancer.ts";
import { type Book, Ledger, Objections } from "./ledger.ts";
import { NrpDouble } from "./nrp-double.ts";
import { Admissions, Reader } from "./reader.ts";
import { makeEnvironment, NRP, Replica } from "./replica.ts";
import { Reporter } from "./reporter.ts";
import { Writer } from "./writer.ts";

const REPLICAS = 3;
const WRITERS = 32;
const READERS = 6;
const REPORTERS = 6;
const SHARED = 10;
const MAX_CONNECTIONS = 5;
const TOKEN = "token-of-the-soak";
/** Actions of the writers, without which a soak says little. */
const LEAST = 400;
/** Seconds that what still runs may take when nobody is killed any more; a notice whose sender died waits for its lease. */
const SETTLE = 300;

export interface SoakOptions {
  readonly seed: number;
  /** How long to write and kill; on a machine that is busy, up to five times as long, until there were {@link LEAST}. */
  readonly seconds: number;
  /** Ends it early; what was written is still checked. */
  readonly signal?: AbortSignal;
}

export interface SoakReport {
  /** What was found to be wrong; the soak has passed when there is none. */
  readonly objections: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  /** The last errors that the replicas logged. */
  readonly errors: readonly string[];
}

/**
 * 32 writers on 3 replicas of the api behind a balancer, on one real PostgreSQL, with replicas and gates killed at random;
 * checked against what the answers promised, by gates that follow the feed, and by looks into the registry.
 */
export async function soakReplicas({ seed, seconds, signal }: SoakOptions): Promise<SoakReport> {
  const world = await World.open(randomOf(seed));
  try {
    await world.run(seconds, signal);
    return world.report();
  } finally {
    await world.close();
  }
}

class World {
  readonly #random: Random;
  readonly #objections = new Objections();
  readonly #admissions = new Admissions(this.#objections.add);
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly #errors: string[] = [];
  readonly #replicas: (Replica | undefined)[] = [];
  readonly #readers: Reader[] = [];
  readonly #reporters: Reporter[] = [];
  readonly #ended: Record<string, number> = {};
  #ledger!: Ledger;
  #nrp!: NrpDouble;
  #arm!: Balancer;
  #feed!: Balancer;
  #env!: NodeJS.ProcessEnv;
  #databaseUrl = "";
  #clients!: { ca: string; certificate: Certificate; appId: string };
  #dispatcher = new Agent();

  private constructor(random: Random) {
    this.#random = random;
  }

  static async open(random: Random): Promise<World> {
    const world = new World(random);
    try {
      await world.#open();
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  async #open(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "linkgate-soak-"));
    this.#closers.push(() => rm(folder, { recursive: true, force: true }));
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, "postgres") });
    this.#closers.push(() => postgres.stop());
    this.#databaseUrl = postgres.url;
    const [server, arm] = await Promise.all([makeCertificate("server"), makeCertificate("arm")]);
    this.#clients = { ca: server.cert, certificate: arm, appId: NRP };
    this.#nrp = await NrpDouble.start(server, this.#random.fork());
    this.#closers.push(() => this.#nrp.stop());
    this.#arm = await Balancer.start();
    this.#feed = await Balancer.start();
    this.#closers.push(() => Promise.all([this.#arm.stop(), this.#feed.stop()]));
    this.#closers.push(() => this.#dispatcher.destroy());
    this.#ledger = new Ledger({
      maxConnections: MAX_CONNECTIONS,
      admissions: this.#admissions,
      told: this.#nrp.told,
      object: this.#objections.add,
    });
    this.#nrp.onTold = name => {
      if (!this.#ledger.toTell.has(name)) this.#objections.add(`NRP was told of ${name}, whose account nobody deleted`);
    };
    this.#env = {
      ...(await makeEnvironment({ folder, databaseUrl: postgres.url, server, arm, gates: { soak: TOKEN } })),
      LINKGATE_MAX_CONNECTIONS: String(MAX_CONNECTIONS),
      ...this.#nrp.env,
    };
    // All at once, on an empty database: the first to come makes the tables.
    await Promise.all(Array.from({ length: REPLICAS }, (_, slot) => this.#startReplica(slot)));
    this.#closers.push(() => Promise.all(this.#replicas.map(replica => replica?.end("SIGTERM"))));
    for (let n = 0; n < READERS; n++) this.#readers.push(this.#newReader());
    this.#closers.push(() => Promise.all(this.#readers.map(reader => reader.die())));
  }

  async close(): Promise<void> {
    for (const close of this.#closers.toReversed()) await close();
  }

  async run(seconds: number, signal: AbortSignal | undefined): Promise<void> {
    const writing = this.#writeFor(seconds, signal);
    const shared: Book[] = Array.from({ length: SHARED }, (_, n) => ({
      name: `shared-${n}`,
      exists: true,
      publicAccess: "Enabled",
      slots: new Set(),
      told: undefined,
    }));
    const newClient = (): ArmClient => new ArmClient(`https://127.0.0.1:${this.#arm.port}`, this.#clients);
    const first = newClient();
    for (const { name } of shared) expectStatus(await first.put(accountPath(name), ACCOUNT_BODY), 201);
    await first.close();
    const clients = Array.from({ length: WRITERS }, () => [newClient(), newClient()]);
    const pool = Array.from({ length: 40 }, (_, n) => 1000 + n);
    const over = new AbortController();
    const writers = clients.map(
      (own, number) =>
        new Writer({
          ...{ number, random: this.#random.fork(), ledger: this.#ledger, clients: own, shared, pool },
          readers: () => this.#readers,
          over: over.signal,
        }),
    );
    const auditing = new AbortController();
    const audit = this.#audit(auditing.signal);
    const chaos = [...this.#replicas.keys()].map(slot => this.#killReplicas(slot, this.#random.fork(), writing));
    chaos.push(this.#killReaders(this.#random.fork(), writing));
    chaos.push(this.#rush(writers, newClient, writing));
    const accounts = [...shared, ...writers.map(({ own }) => own)].map(({ name }) => name);
    for (let number = 0; number < REPORTERS; number++) this.#reporters.push(this.#newReporter(number, accounts));
    chaos.push(...this.#reporters.map(reporter => reporter.run(writing)));
    try {
      await Promise.all([...writers.map(writer => writer.run(writing)), ...chaos]);
      await this.#settle(writers);
    } finally {
      over.abort();
      auditing.abort();
      await audit;
      await Promise.all(clients.flat().map(client => client.close()));
    }
  }

  #writeFor(seconds: number, stop: AbortSignal | undefined): AbortSignal {
    const controller = new AbortController();
    const began = performance.now();
    const timer = setInterval(() => {
      const part = (performance.now() - began) / (seconds * 1000);
      const isEnough = part >= 1 && (this.#ledger.counts.actions ?? 0) >= LEAST;
      if (!isEnough && part < 5 && stop?.aborted !== true) return;
      clearInterval(timer);
      controller.abort();
    }, 100);
    return controller.signal;
  }

  report(): SoakReport {
    const totals: Record<string, number> = { ...this.#ledger.counts, ...this.#ended, "calls to NRP": this.#nrp.calls };
    return { objections: this.#objections.list, counts: totals, errors: this.#errors };
  }

  async #startReplica(slot: number): Promise<void> {
    const replica = await Replica.start(this.#env, line => {
      if (!line.startsWith("{") || JSON.parse(line).level < 50) return;
      this.#count("errors logged");
      this.#errors.push(line);
      if (this.#errors.length > 20) this.#errors.shift();
    });
    this.#replicas[slot] = replica;
    this.#arm.setTarget(slot, replica.ports.arm);
    this.#feed.setTarget(slot, replica.ports.feed);
  }

  /** Kills the replica of a slot and starts another, again and again. */
  async #killReplicas(slot: number, random: Random, signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(1000 + random.below(7000), undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const how = random.chance(0.6) ? "SIGKILL" : "SIGTERM";
      const ended = this.#replicas[slot]?.end(how);
      if (how === "SIGKILL") this.#retarget(slot);
      const code = await ended;
      this.#retarget(slot);
      this.#count(`replicas ended by ${how}`);
      if (how === "SIGTERM" && code !== "0") this.#objections.add(`a replica that was told to stop ended with ${code}`);
      await this.#startReplica(slot);
    }
  }

  /** Again and again all writers at once want the few places of a new account. */
  async #rush(writers: readonly Writer[], newClient: () => ArmClient, signal: AbortSignal): Promise<void> {
    const client = newClient();
    for (let n = 0; !signal.aborted; n++) {
      await pause(2000, undefined, { signal }).catch(() => {});
      const name = `rush-${n}`;
      const made = await client.put(accountPath(name), ACCOUNT_BODY).catch(() => undefined);
      if (made?.status !== 201) continue; // its replica has just been killed
      const account: Book = { name, exists: true, publicAccess: "Enabled", slots: new Set(), told: undefined };
      await Promise.all(writers.map(writer => writer.rush(account)));
      this.#count("rushes");
    }
    await client.close();
  }

  #retarget(slot: number): void {
    this.#arm.setTarget(slot, undefined);
    this.#feed.setTarget(slot, undefined);
  }

  #newReader(): Reader {
    return new Reader({ ...this.#feedAccess(), admissions: this.#admissions });
  }

  /** How gates reach the feed, whichever replica answers, and where they tell what is wrong. */
  #feedAccess() {
    const url = `http://127.0.0.1:${this.#feed.port}`;
    return { url, token: TOKEN, dispatcher: this.#dispatcher, object: this.#objections.add };
  }

  #newReporter(number: number, accounts: readonly string[]): Reporter {
    return new Reporter({ ...this.#feedAccess(), random: this.#random.fork(), number, accounts });
  }

  /** Replaces gates by new ones: some say goodbye, the others are found silent, which revocations have to wait for. */
  async #killReaders(random: Random, signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(1500 + random.below(4000), undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const [old] = this.#readers.splice(random.below(this.#readers.length), 1, this.#newReader());
      if (old === undefined) continue;
      const isSilent = random.chance(0.3);
      await (isSilent ? old.die() : old.leave());
      this.#count(isSilent ? "gates cut off" : "gates gone");
      this.#addCounts(old);
    }
  }

  #addCounts(reader: Reader): void {
    for (const [what, count] of Object.entries(reader.counts)) this.#count(`feed ${what}`, count);
  }

  #count(what: string, by = 1): void {
    this.#ended[what] = (this.#ended[what] ?? 0) + by;
  }

  /** Looks at what is committed, over and over: no state in between may break a rule. */
  async #audit(signal: AbortSignal): Promise<void> {
    const client = new pg.Client({ connectionString: this.#databaseUrl });
    await client.connect();
    try {
      while (!signal.aborted) {
        for (const broken of await findBrokenInvariants(client, MAX_CONNECTIONS)) this.#objections.add(broken);
        this.#count("audits");
        await pause(500, undefined, { signal }).catch(() => {});
      }
    } finally {
      await client.end();
    }
  }

  /** Nobody is killed any more: everything comes to its end, and all agree. */
  async #settle(writers: readonly Writer[]): Promise<void> {
    const client = new pg.Client({ connectionString: this.#databaseUrl });
    await client.connect();
    try {
      await this.#waitForOperations(client);
      await Promise.all(writers.map(writer => writer.settle()));
      for (const name of this.#ledger.toTell) {
        if (!this.#nrp.told.has(name)) this.#objections.add(`NRP was never told of ${name}`);
      }
      const { rows } = await client.query(
        "select account, version, present, public_access || E'\\t' || array_to_string(link_ids, ',') as record from feed order by 1",
      );
      for (const { own } of writers) {
        const { version, record } = own.told ?? { version: 0, record: undefined };
        const row = rows.find(each => each.account === own.name);
        const kept =
          row === undefined
            ? undefined
            : { version: Number(row.version), record: row.present ? row.record : undefined };
        // One version for each change that was answered: none is lost, none applied twice.
        if (version !== (kept?.version ?? 0) || record !== kept?.record) {
          this.#objections.add(
            `${own.name} is ${JSON.stringify(kept)}, and the answers say ${JSON.stringify(own.told)}`,
          );
        }
      }
      await this.#compareHistory(client);
      for (const reporter of this.#reporters) {
        await reporter.compare(client);
        for (const [what, count] of Object.entries(reporter.counts)) this.#count(`reports: ${what}`, count);
      }
      await Promise.all(this.#readers.map(reader => this.#compareReader(reader, rows)));
      this.#readers.forEach(reader => {
        this.#addCounts(reader);
      });
    } finally {
      await client.end();
    }
  }

  async #waitForOperations(client: pg.Client): Promise<void> {
    const began = performance.now();
    const end = began + SETTLE * 1000;
    for (;;) {
      const { rows } = await client.query(
        "select status, count(*)::int, min(kind || ' of ' || resource_id) as first from operations group by status",
      );
      const running = rows.find(row => row.status === "Running");
      for (const { status, count } of rows) this.#ended[`operations ${status}`] = count;
      this.#ended["seconds until the last operation ended"] = Math.round((performance.now() - began) / 1000);
      if (running === undefined) return;
      if (performance.now() > end) {
        this.#objections.add(`${running.count} operations still run after ${SETTLE} s, such as ${running.first}`);
        return;
      }
      await pause(50);
    }
  }

  /** The history has each change that was answered, once, and no other. */
  async #compareHistory(client: pg.Client): Promise<void> {
    const { rows } = await client.query<{ connection: string; changes: string[] }>(
      `select connection, array_agg(from_state || '>' || to_state order by at) as changes from decisions
        where connection is not null and from_state <> to_state group by connection`,
    );
    const written = new Map(rows.map(row => [row.connection, row.changes.join(" ")]));
    for (const name of new Set([...written.keys(), ...this.#ledger.changes.keys()])) {
      const answered = this.#ledger.changes.get(name)?.join(" ");
      if (written.get(name) === answered) continue;
      this.#objections.add(`the history of ${name} is ${written.get(name)}, and the answers say ${answered}`);
    }
    this.#count("changes answered and written", rows.length);
  }

  async #compareReader(
    reader: Reader,
    rows: readonly { account: string; present: boolean; record: string }[],
  ): Promise<void> {
    await reader.nextSweep();
    await reader.nextSweep();
    const wanted = rows.filter(row => row.present).map(row => `${row.account}\t${row.record}`);
    const table = [...(reader.table ?? [])].filter(([, { record }]) => record !== undefined);
    const found = table.map(([account, { record }]) => `${account}\t${record}`).sort();
    const missing = wanted.filter(line => !found.includes(line));
    const foreign = found.filter(line => !wanted.includes(line));
    if (missing.length + foreign.length === 0) return;
    this.#objections.add(
      `a gate lacks ${missing.join("; ") || "nothing"} and has ${foreign.join("; ") || "nothing"} of its own`,
    );
  }
}
