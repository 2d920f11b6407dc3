import { closeSync, openSync, readSync, truncateSync } from "node:fs";
import { type AccessLogLine, exchange, parseLogLine } from "@linkgate/njs/testing";
import {
  type GateKind,
  type GateUnderTest,
  lendAddress,
  RecordingUpstream,
  startGate,
  TestFeed,
  type UpstreamRequest,
  until,
} from "../gates/index.ts";
import { type Battle, compare, compareHealth } from "./compare.ts";
import { drive, type Outcome } from "./drive.ts";
import { type GateReading, gateReadings } from "./gate-readings.ts";
import { markOf, type Plan, planOf, type Way } from "./generate.ts";
import { Reference, type Verdict, type World } from "./reference.ts";
import { ENTRIES, LINK_ADDRESSES, makeWorld, SERVICES } from "./world.ts";

/** A proxy that has much else to do writes its log late. */
const LOG_DEADLINE_MS = 240_000;

/** Connections at the same time: most wait, since Envoy takes a second to end one. */
const CONCURRENCY = 500;
export const BALANCER = "127.0.0.1";
/** A peer that is no load balancer. */
export const STRANGER = "127.0.0.2";

/** What many battles came to. */
export interface Tally {
  connections: number;
  requests: number;
  admitted: number;
  denied: number;
  /** Refused by the proxy, or by the gate for what a decision does not see. */
  refused: number;
  /** Health checks among the admitted. */
  health: number;
}

/** A disagreement of gate and reference; without a plan if no one of them can be told. */
export interface Problem {
  readonly plan: Plan | null;
  readonly text: string;
}

/** A gate, the tenants' services behind it and a feed with {@link ENTRIES}. */
export class Battlefield {
  readonly gate: GateUnderTest;
  /** In a fixed order; undefined where this machine does not lend the address. */
  readonly ways: Ways;
  readonly tally: Tally = { connections: 0, requests: 0, admitted: 0, denied: 0, refused: 0, health: 0 };
  readonly #reading: GateReading;
  readonly #reference: Reference;
  readonly #upstream: RecordingUpstream;
  readonly #feed: TestFeed;
  readonly #log: number;
  #logRead = 0;
  #sentinels = 0;

  private constructor(
    parts: { gate: GateUnderTest; upstream: RecordingUpstream; feed: TestFeed; ways: Ways },
    world: World,
  ) {
    this.gate = parts.gate;
    this.ways = parts.ways;
    this.#upstream = parts.upstream;
    this.#feed = parts.feed;
    const reading = gateReadings[parts.gate.name];
    if (reading === undefined) throw new Error(`nobody has said how ${parts.gate.name} reads`);
    this.#reading = reading;
    this.#reference = new Reference(world, reading);
    this.#log = openSync(parts.gate.accessLog, "r");
  }

  static async open(kind: GateKind, linkTlv: World["linkTlv"]): Promise<Battlefield> {
    const feed = await TestFeed.start();
    feed.replaceAll(ENTRIES);
    const upstream = new RecordingUpstream();
    await upstream.serve(SERVICES);
    // One worker, whose lines come in the order of its work; and no end of a connection, or of the wait for a head, by a timer.
    const settings = {
      ...{ linkTlv, loadBalancers: [BALANCER], workers: 1, linkQuarantine: 3600 },
      upstreamDir: upstream.dir,
    };
    try {
      const gate = await startGate(kind, { ...settings, feedUrl: feed.url, feedToken: feed.token });
      return new Battlefield({ gate, upstream, feed, ways: await findWays() }, makeWorld(linkTlv));
    } catch (error) {
      await upstream.stop();
      await feed.stop();
      throw error;
    }
  }

  async close(): Promise<void> {
    closeSync(this.#log);
    await this.gate.stop();
    await this.#upstream.stop();
    await this.#feed.stop();
  }

  /** The way by a listener from an address. Undefined where it can't be had. */
  way(listener: Way["listener"], localAddress: string): Way | undefined {
    return this.ways.find(way => way?.listener === listener && way.localAddress === localAddress);
  }

  /** Carries plans out, and returns every disagreement with the reference, each with its plan. */
  async fight(plans: readonly Plan[]): Promise<{ battles: Battle[]; problems: Problem[] }> {
    const outcomes = new Map<number, Outcome>();
    const verdicts = new Map<number, Verdict[]>(plans.map(plan => [plan.index, this.#reference.judge(plan)]));
    const queue = [...plans];
    const work = async () => {
      for (let plan = queue.pop(); plan !== undefined; plan = queue.pop()) {
        outcomes.set(plan.index, await drive(this.gate, plan, verdicts.get(plan.index) ?? [], this.#reading));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    const lines = await this.#takeLines();
    const requests = this.#upstream.requests.splice(0);
    const linesOf = groupByPlan(lines, line => line.request_uri);
    const isHealth = (request: UpstreamRequest) =>
      request.target.startsWith("/health/check") && !markOf(request.target);
    const forwardedOf = groupByPlan(requests, request => request.target);
    const battles = plans.map(plan => ({
      plan,
      verdicts: verdicts.get(plan.index) ?? [],
      outcome: outcomes.get(plan.index) ?? { statuses: [], ends: [], isClosed: true },
      lines: linesOf.get(plan.index) ?? [],
      forwarded: forwardedOf.get(plan.index) ?? [],
    }));
    const known = new Set(plans.map(plan => plan.index));
    const strays = [
      ...requests.filter(request => !isHealth(request) && !belongs(request.target, known)).map(({ raw }) => `${raw}`),
      ...lines
        .filter(line => line.verdict === "allow" && !belongs(line.request_uri, known))
        .map(line => JSON.stringify(line)),
    ].map(text => `belongs to nobody: ${text}`);
    const general = [
      ...compareHealth(lines, requests.filter(isHealth)),
      ...this.#upstream.problems.splice(0),
      ...strays,
    ];
    this.#count(battles);
    return {
      battles,
      problems: [
        ...battles.flatMap(battle => this.compare(battle).map(text => ({ plan: battle.plan, text }))),
        ...general.map(text => ({ plan: null, text })),
      ],
    };
  }

  /** Everything in which gate and reference disagree, one sentence each; the empty list if they agree. */
  compare(battle: Battle): string[] {
    return compare(battle, this.#reading);
  }

  /** Reads the log up to a request that nobody but this makes. */
  async #takeLines(): Promise<AccessLogLine[]> {
    const sentinel = `/sentinel/${++this.#sentinels}`;
    await exchange(this.gate.endpoints.public, { host: "sentinel", target: sentinel });
    const chunk = Buffer.alloc(1 << 20);
    let text = "";
    await until(
      () => {
        for (let size = 1; size > 0; ) {
          size = readSync(this.#log, chunk, 0, chunk.length, this.#logRead);
          this.#logRead += size;
          text += chunk.toString("latin1", 0, size);
        }
        return text.includes(`"${sentinel}"`) && text.endsWith("\n");
      },
      () => "the log never got the last line",
      LOG_DEADLINE_MS,
    );
    return text
      .split("\n")
      .filter(line => line !== "")
      .map(parseLogLine)
      .filter(line => line.request_uri !== sentinel);
  }

  /** Keeps the log of a long battle small. Nothing may be under way. */
  emptyLog(): void {
    truncateSync(this.gate.accessLog);
    this.#logRead = 0;
  }

  #count(battles: readonly Battle[]): void {
    for (const { plan, lines, verdicts } of battles) {
      this.tally.connections++;
      this.tally.requests += plan.count;
      for (const line of lines) {
        if (line.verdict === "allow") this.tally.admitted++;
        else if (line.verdict === "deny") this.tally.denied++;
        if (line.reason === "health-check") this.tally.health++;
      }
      this.tally.refused += verdicts.filter(verdict => verdict.kind === "refused").length;
    }
  }
}

function groupByPlan<T>(items: readonly T[], textOf: (item: T) => string): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const mark = markOf(textOf(item));
    if (mark === undefined) continue;
    const group = groups.get(planOf(mark));
    if (group) group.push(item);
    else groups.set(planOf(mark), [item]);
  }
  return groups;
}

function belongs(text: string, plans: ReadonlySet<number>): boolean {
  const mark = markOf(text);
  return mark !== undefined && plans.has(planOf(mark));
}

type Ways = readonly [Way, ...(Way | undefined)[]];

/** Every listener from every address that this machine lends. Link addresses on the direct listener take root. */
async function findWays(): Promise<Ways> {
  const balancer: Way = { listener: "proxy", localAddress: BALANCER, isBalancer: true };
  const ways: (Way | undefined)[] = [balancer, { listener: "proxy", localAddress: STRANGER, isBalancer: false }];
  for (const localAddress of [STRANGER, "::1", LINK_ADDRESSES.contoso, LINK_ADDRESSES.fabrikam]) {
    const isLent = await lendAddress(localAddress);
    for (const listener of ["direct", "public"] as const)
      ways.push(isLent ? { listener, localAddress, isBalancer: false } : undefined);
  }
  return [balancer, ...ways];
}
