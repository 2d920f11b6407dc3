import { type GateKind, type GateSettings, type GateUnderTest, RecordingUpstream } from "../gates/index.ts";
import { Arm } from "./arm.ts";
import { ControlPlane, tokenOf } from "./control-plane.ts";
import { Ledger } from "./ledger.ts";
import { Line } from "./line.ts";
import { Traffic } from "./traffic.ts";

/** What tests of a world say of a gate, beyond what the world knows. */
export type WorldGateSettings = Omit<GateSettings, "feedUrl" | "feedToken" | "gateName" | "upstreamDir">;

/** A gate, and its line to the api. */
export interface WorldGate {
  readonly gate: GateUnderTest;
  readonly line: Line;
}

/** Everything that a promise across api and gates needs: PostgreSQL, the api, ARM, gates on lines of their own, services, clients. */
export class World {
  readonly plane: ControlPlane;
  readonly arm: Arm;
  readonly ledger = new Ledger();
  readonly traffic: Traffic;
  readonly upstream: RecordingUpstream;
  readonly #kind: GateKind;
  readonly #gates: WorldGate[] = [];

  private constructor(kind: GateKind, plane: ControlPlane) {
    this.#kind = kind;
    this.plane = plane;
    this.arm = new Arm(plane.nrp, this.ledger);
    this.upstream = new RecordingUpstream();
    this.traffic = new Traffic(this.ledger, this.upstream);
  }

  /** @param gateNames names that {@link addGate} may use */
  static async start(kind: GateKind, gateNames: readonly string[]): Promise<World> {
    return new World(kind, await ControlPlane.start({ gateNames }));
  }

  get gates(): readonly GateUnderTest[] {
    return this.#gates.map(each => each.gate);
  }

  /** Starts a gate and waits until its table is in force. */
  async addGate(name: string, settings: WorldGateSettings = {}): Promise<WorldGate> {
    const added = await this.prepareGate(name, settings);
    await added.gate.launch();
    await added.gate.whenState(state => state.table === "current", 120_000);
    return added;
  }

  /** Prepares a gate that is not started yet. */
  async prepareGate(name: string, settings: WorldGateSettings = {}): Promise<WorldGate> {
    const line = await Line.start(() => this.plane.feedPort);
    const gate = await this.#kind.create({
      linkQuarantine: 1,
      ...settings,
      gateName: name,
      feedUrl: line.url,
      feedToken: tokenOf(name),
      upstreamDir: this.upstream.dir,
    });
    const added = { gate, line };
    this.#gates.push(added);
    return added;
  }

  /** Ends a gate, and vouches for its end, so that nothing waits for it. */
  async removeGate({ gate, line }: WorldGate): Promise<void> {
    this.#gates.splice(
      this.#gates.findIndex(each => each.gate === gate),
      1,
    );
    await gate.stop();
    await line.stop();
  }

  /** Vouches that every gate of that name is gone. */
  async retireAll(name: string): Promise<void> {
    for (const view of await this.plane.engineer.listGates()) {
      if (view.name === name && view.state === "live") await this.plane.engineer.retire(view.incarnation);
    }
  }

  /** Accounts with a service each. */
  async createAccounts(...accounts: string[]): Promise<void> {
    await this.upstream.serve(accounts);
    await Promise.all(accounts.map(account => this.arm.createAccount(account)));
  }

  /** What everybody said, for a failed test. */
  async explain(): Promise<string> {
    const counts = JSON.stringify(this.traffic.counts);
    const ask = (table: string) =>
      this.plane.query(`select * from ${table}`).then(
        rows => rows.map(row => JSON.stringify(row)).join("\n"),
        error => `the database can't be asked: ${error}`,
      );
    return [
      `gates and what runs:\n${await ask("gates where state = 'live'")}\n${await ask("operations where status = 'Running'")}`,
      `traffic: ${counts}`,
      ...this.traffic.objections,
      ...this.gates.map(gate => gate.explain()),
      `api:\n${this.plane.said
        .split("\n")
        .filter(line => !line.includes('"answered ARM"'))
        .slice(-30)
        .join("\n")}`,
    ].join("\n");
  }

  async stop(): Promise<void> {
    this.arm.giveUp();
    for (const { gate } of this.#gates) gate.thaw();
    await this.traffic.stop();
    await Promise.all(this.#gates.map(({ gate }) => gate.stop()));
    await Promise.all(this.#gates.map(({ line }) => line.stop()));
    await this.upstream.stop();
    await this.plane.stop();
  }
}
