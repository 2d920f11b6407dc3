import { setTimeout as delay } from "node:timers/promises";
import { exchange } from "@linkgate/njs/testing";
import { Random } from "../attackers/random.ts";
import { faultyEnvoy } from "../gates/envoy.ts";
import { type GateKind, type GateUnderTest, gates, until } from "../gates/index.ts";
import type { Operation, Revocation } from "../world/arm.ts";
import type { Grant } from "../world/ledger.ts";
import type { World } from "../world/world.ts";

const WRITERS = 4;
const CONTROL_PLANE = ["api", "postgres", "backend", "both"] as const;
/** Of NGINX each is a process; of Envoy the filter and its follower trap, and the listeners are put in place anew under load. */
const GATE_PARTS = ["worker", "follower", "master", "filter", "listeners"] as const;
const VICTIMS: Readonly<Record<string, readonly Victim[]>> = {
  nginx: [...CONTROL_PLANE, "worker", "follower", "master"],
  envoy: [...CONTROL_PLANE, "master", "filter", "follower", "listeners"],
};
const WAYS: Revocation[] = ["delete connection", "delete proxy", "reject", "delete account"];
/** Milliseconds: whoever is killed comes back, and writers go on, in a small part of it. */
const DEADLINE = 240_000;

type Victim = (typeof CONTROL_PLANE)[number] | (typeof GATE_PARTS)[number];

/** The gates as they are killed: Envoy with a filter that can be made to trap. */
export const killableGates: readonly GateKind[] = gates.map(kind => (kind.name === "envoy" ? faultyEnvoy : kind));

/** What was done, for the report. */
export interface KillReport {
  readonly kills: Readonly<Partial<Record<Victim, number>>>;
  /** Changes that the api acknowledged. */
  readonly acknowledged: number;
}

/**
 * Kills one process after the other, at points that the seed chooses, while writers give and take links and clients ask. Then
 * everybody must agree: registry, gates, and the ledger of what was acknowledged.
 *
 * @throws Error that says what was lost, came back, or does not end; wrong admissions are in `world.traffic.objections`
 */
export async function runKillRounds(world: World, rounds: number, seed: number): Promise<KillReport> {
  const run = new KillRounds(world, seed);
  await run.begin();
  const report = await run.kill(rounds);
  await run.converge();
  return report;
}

class KillRounds {
  readonly #world: World;
  readonly #seed: number;
  readonly #kills: Partial<Record<Victim, number>> = {};
  readonly #writers: Promise<void>[] = [];
  #acknowledged = 0;
  #traps = 0;
  #isOver = false;
  #failure: unknown;

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#seed = seed;
  }

  /** Bystanders, to whom nothing may happen; then writers and clients. */
  async begin(): Promise<void> {
    const { arm, traffic, gates } = this.#world;
    await this.#world.createAccounts("always", "never");
    for (let writer = 0; writer < WRITERS; writer++) await this.#world.createAccounts(...accountsOf(writer));
    const always = await arm.approve("always", 9001);
    for (const gate of gates) await traffic.untilAdmitted(gate, always);
    always.settled = performance.now();
    for (const gate of gates) {
      traffic.start(gate, 2, () => ({ linkId: 9001, accounts: ["always", "never"] }));
      traffic.start(gate, WRITERS, client => ({ linkId: linkOf(client), accounts: [...accountsOf(client), "never"] }));
    }
    for (let writer = 0; writer < WRITERS; writer++) {
      this.#writers.push(
        this.#write(writer).catch(error => {
          this.#failure ??= error;
        }),
      );
    }
  }

  async kill(rounds: number): Promise<KillReport> {
    const random = new Random(this.#seed, 0);
    const victims = VICTIMS[this.#world.gates[0]?.name ?? ""] ?? [];
    for (let round = 0; round < rounds; round++) {
      await delay(random.below(100)); // the point is random, nothing is waited for
      const victim = random.pick(victims);
      this.#kills[victim] = (this.#kills[victim] ?? 0) + 1;
      await this.#killOne(victim, random);
      await this.#untilWriters(1 + random.below(3));
    }
    return { kills: this.#kills, acknowledged: this.#acknowledged };
  }

  async #killOne(victim: Victim, random: Random): Promise<void> {
    const { plane, gates } = this.#world;
    switch (victim) {
      case "api":
        await plane.killApi();
        return plane.launchApi();
      case "postgres":
        await plane.killPostgres();
        return plane.launchPostgres();
      case "both":
        await Promise.all([plane.killApi(), plane.killPostgres()]);
        await Promise.all([plane.launchPostgres(), plane.launchApi()]);
        return;
      case "backend":
        return plane.killBackend(count => random.below(count));
      default:
        return this.#killPart(random.pick(gates), victim);
    }
  }

  async #killPart(gate: GateUnderTest, part: (typeof GATE_PARTS)[number]): Promise<void> {
    if (part === "filter") {
      await exchange(gate.endpoints.direct, { host: "never", headers: [["x-test-trap", "1"]] }).catch(() => null);
    } else if (part === "listeners") {
      await gate.whenState(state => state.table === "current", DEADLINE);
      await gate.reload();
    } else if (part === "follower" && gate.name === "envoy") {
      // Whoever reads this account's record for the first time traps; more than nine the filter does not count.
      if (this.#traps < 9) await this.#world.arm.createAccount(`trap-follower-${++this.#traps}`);
    } else {
      await gate.kill(part);
    }
  }

  /** Waits until the writers have got so many more acknowledgements: nobody is stuck. */
  async #untilWriters(more: number): Promise<void> {
    const from = this.#acknowledged;
    await until(
      () => this.#failure !== undefined || this.#acknowledged >= from + more,
      () => "no writer gets on",
      DEADLINE,
    );
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Gives a link to one of two accounts and takes it away, again and again; all that counts is what was acknowledged. */
  async #write(writer: number): Promise<void> {
    const random = new Random(this.#seed, 100 + writer);
    const { arm } = this.#world;
    const linkId = linkOf(writer);
    while (!this.#isOver) {
      const account = random.pick(accountsOf(writer));
      await arm.createAccount(account);
      const grant = await arm.approve(account, linkId, random.pick(["auto", "manual"]));
      this.#acknowledged++;
      await this.#expectStatus(grant, ["Approved"]);
      if (random.chance(20)) await this.#settle(grant);
      const how = random.pick(WAYS);
      const operation = await arm.revoke(grant, how);
      this.#acknowledged++;
      await this.#expectStatus(grant, [null, "Disconnected", ...(how === "reject" ? ["Rejected"] : [])]);
      await this.#finish(operation, grant);
      await this.#expectStatus(grant, how === "reject" ? ["Rejected"] : [null]);
      // A rejected connection keeps its link (rule 27).
      if (how === "reject") await this.#finish(await arm.revoke({ ...grant }, "delete connection"), grant);
      this.#acknowledged++;
    }
    const [last = ""] = accountsOf(writer);
    await arm.createAccount(last);
    await arm.approve(last, linkId);
  }

  async #settle(grant: Grant): Promise<void> {
    for (const gate of this.#world.gates) await this.#world.traffic.untilAdmitted(gate, grant, DEADLINE);
    grant.settled = performance.now();
  }

  #finish(operation: Operation, grant: Grant): Promise<void> {
    return this.#world.arm.untilComplete(operation, grant, DEADLINE);
  }

  async #expectStatus(grant: Grant, wanted: (string | null)[]): Promise<void> {
    const status = await this.#world.arm.readStatus(grant.account, grant.linkId);
    if (wanted.includes(status)) return;
    throw new Error(`link ${grant.linkId} of ${grant.account} is ${status} although ${wanted} was acknowledged`);
  }

  /** Ends the writers; then gates and registry must agree with the ledger, and no operation may be left. */
  async converge(): Promise<void> {
    const { plane, traffic, gates, ledger } = this.#world;
    this.#isOver = true;
    await Promise.all(this.#writers);
    if (this.#failure !== undefined) throw this.#failure;
    for (const grant of ledger.inForce) await this.#settle(grant);
    await until(
      async () => (await plane.query("select from operations where status = 'Running'")).length === 0,
      () => "operations are left that do not end",
      DEADLINE,
    );
    const wishes = [...Array(WRITERS).keys()].flatMap(writer =>
      accountsOf(writer).map(account => ({ account, linkId: linkOf(writer) })),
    );
    for (const wish of [...wishes, { account: "never", linkId: 9001 }, { account: "always", linkId: 9001 }]) {
      const isDue = ledger.inForce.some(each => each.account === wish.account && each.linkId === wish.linkId);
      for (const gate of gates) {
        let status = 0;
        await until(
          async () => {
            status = await traffic.ask(gate, wish);
            return status !== 503;
          },
          () => `${JSON.stringify(wish)}: ${status} from ${gate.explain()}`,
          DEADLINE,
        );
        if (status !== (isDue ? 200 : 403)) throw new Error(`${JSON.stringify(wish)}: ${status} from ${gate.name}`);
      }
    }
  }
}

const accountsOf = (writer: number): string[] => [`left-${writer}`, `right-${writer}`];
const linkOf = (writer: number): number => 8000 + writer;
