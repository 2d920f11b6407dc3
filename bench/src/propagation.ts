import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { linkAddress, RawConnection, writeProxyHeader, writeRequest } from "@linkgate/njs/testing";
import { type Endpoint, makeEndpoint } from "./api/endpoints.ts";
import { Gates } from "./api/gates.ts";
import { fillAccounts, GATE, type Registry, startRegistry } from "./api/registry.ts";
import { startEnvoy } from "./envoy.ts";
import { ENVOY_VARIANTS } from "./envoy-variants.ts";
import type { StartedGate, World } from "./gate.ts";
import { runLoad, type Seen, writeScript } from "./load.ts";
import { startNginx } from "./nginx.ts";
import { NGINX_VARIANTS } from "./nginx-variants.ts";
import { type RecordedFeed, startRecordedFeed } from "./recorded-feed.ts";
import { quantile } from "./statistics.ts";
import { startService } from "./upstream.ts";

const WORKERS = 2;
/** Connections to a gate that watch for a change: enough that hardly a worker goes unasked. */
const PROBES = 6;
/** Changes a second; each endpoint has one. */
const RATE = 20;
/** Of wrk, to each gate. Each sends a request, and the next so many milliseconds after the answer. */
const LOAD = { connections: 16, pauseMs: 10 };
/** Changes before those that count: what runs for the first time is slow. */
const WARM_UP = 5 * RATE;
/** A change that has not come so far by then is lost. */
const DEADLINE_MS = 10_000;

export interface PropagationPlan {
  readonly folder: string;
  /** The link address that the load comes from and goes to. */
  readonly address: string;
  readonly accounts: number;
  readonly changes: number;
  /** How many gates follow the feed, the two that are watched among them. */
  readonly gates: number;
  readonly signal: AbortSignal;
}

/** Milliseconds within which half, and 99 of 100, of the changes had come so far; and the slowest. */
export interface Way {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** How long changes took to a gate, from PostgreSQL's commit until all of its workers decided by them. */
export interface Propagation {
  readonly proxy: string;
  /** Links that were given, taken away, or both. */
  readonly kind: "given" | "taken" | "both";
  readonly changes: number;
  /** From the commit to the feed's answer at the gate: the api's part. */
  readonly told: Way;
  /** From there to all workers: the gate's. */
  readonly enforced: Way;
  readonly whole: Way;
}

/** A gate's first load of the whole table, in milliseconds, and the part of it in which it waited for the api. */
export interface FirstLoad {
  readonly proxy: string;
  readonly loadMs: number;
  readonly apiMs: number;
}

export interface PropagationResult {
  readonly changesPerSecond: number;
  readonly gates: number;
  readonly loads: readonly FirstLoad[];
  /** What wrk saw meanwhile at each gate. */
  readonly seen: readonly (Seen & { readonly proxy: string })[];
  readonly ways: readonly Propagation[];
}

interface Watched {
  readonly gate: StartedGate;
  readonly feed: RecordedFeed;
}

/** One change at one gate; milliseconds since its commit. */
interface Arrival {
  readonly proxy: string;
  readonly isGiven: boolean;
  readonly told: number;
  readonly whole: number;
}

/** Gives links and takes them away at the api, at a steady rate, while wrk asks both gates for other accounts, and watches their workers. */
export async function measurePropagation(plan: PropagationPlan): Promise<PropagationResult> {
  const stops: (() => unknown)[] = [];
  try {
    const folder = join(plan.folder, "registry");
    mkdirSync(folder);
    const registry = await startRegistry(folder);
    stops.push(() => registry.stop());
    await fillAccounts(registry.sql, plan.accounts);
    const service = await startService(join(plan.folder, "service"), `200 '{"resourceType":"Bundle"}'`);
    stops.push(() => service.stop());

    const watched: Watched[] = [];
    for (const [name, start] of [
      ["nginx", (world: World) => startNginx(linkgateOf(NGINX_VARIANTS), world)],
      ["envoy", (world: World) => startEnvoy(linkgateOf(ENVOY_VARIANTS), world)],
    ] as const) {
      const feed = await startRecordedFeed(registry.feedUrl);
      stops.push(() => feed.stop());
      const gate = await start({
        folder: join(plan.folder, name),
        feedUrl: feed.url,
        accounts: plan.accounts,
        workers: WORKERS,
        service,
        authorizer: service,
        grpcAuthorizer: service,
        decider: service,
      });
      stops.push(() => gate.stop());
      watched.push({ gate, feed });
      console.log(`up: ${gate.proxy}`);
    }
    const others = await Gates.start({
      ...{ url: registry.feedUrl, ...GATE, count: plan.gates - watched.length, wait: 5 },
      onChange: () => {},
    });
    stops.push(() => others.stop());

    const script = writeScript(plan.folder, plan.accounts);
    appendFileSync(script, `delay = function() return ${LOAD.pauseMs} end\n`);
    const seconds = Math.ceil((WARM_UP + plan.changes) / RATE) + 3;
    const load = Promise.all(
      watched.map(async ({ gate }) => {
        const { connections } = LOAD;
        const { address, signal } = plan;
        return {
          proxy: gate.proxy,
          ...(await runLoad({ address, port: gate.port, connections, seconds, script, signal })),
        };
      }),
    );
    const [arrivals, seen] = await Promise.all([measureChanges(registry, watched, plan), load]);
    return {
      changesPerSecond: RATE,
      gates: plan.gates,
      loads: watched.map(({ gate, feed }) => ({ proxy: gate.proxy, loadMs: feed.loadMs, apiMs: feed.loadAnswersMs })),
      seen,
      ways: watched.flatMap(({ gate }) => summarize(gate.proxy, arrivals)),
    };
  } finally {
    for (const stop of stops.reverse()) {
      try {
        await stop();
      } catch (error) {
        console.error(error); // and stop the others
      }
    }
  }
}

function linkgateOf<V extends { readonly isLinkgate?: boolean }>(variants: readonly V[]): V {
  return variants.find(({ isLinkgate }) => isLinkgate === true) as V;
}

/** A change is made when it is due, whether or not those before it have come everywhere: each endpoint has time until its next turn. */
async function measureChanges(
  registry: Registry,
  watched: readonly Watched[],
  plan: PropagationPlan,
): Promise<Arrival[]> {
  const arrivals: Arrival[] = [];
  const slots = await Promise.all(
    Array.from({ length: RATE }, async (_, n) => {
      const endpoint = await makeEndpoint(registry, n);
      return { endpoint, probes: await Promise.all(watched.map(({ gate }) => openProbes(gate, endpoint))) };
    }),
  );
  const turns: Promise<void>[] = slots.map(() => Promise.resolve());
  const began = performance.now();
  for (let change = 0; change < WARM_UP + plan.changes; change++) {
    plan.signal.throwIfAborted();
    await delay(Math.max(0, began + (change * 1000) / RATE - performance.now()));
    const place = change % slots.length;
    const { endpoint, probes } = slots[place] as (typeof slots)[number];
    const isGiven = Math.floor(change / slots.length) % 2 === 0;
    const turn = async (): Promise<void> => {
      const reached = Promise.all(
        watched.map(async ({ feed }, at) => {
          const told = await beforeDeadline(feed.nextNews(endpoint.account), `no news of ${endpoint.account}`);
          return { told, enforced: await watchWorkers(probes[at] ?? [], endpoint, isGiven ? 200 : 403) };
        }),
      );
      reached.catch(() => {}); // thrown below, unless the decision fails
      await endpoint.decide(isGiven ? "Approved" : "Rejected");
      const times = await reached;
      const committed = await endpoint.readCommit();
      if (change >= WARM_UP)
        for (const [at, { told, enforced }] of times.entries()) {
          const proxy = watched[at]?.gate.proxy ?? "";
          arrivals.push({ proxy, isGiven, told: told - committed, whole: enforced - committed });
        }
      if (!isGiven) await endpoint.requestAgain();
    };
    turns[place] = (turns[place] as Promise<void>).then(turn);
    turns[place].catch(() => {}); // thrown when all have had their turn
  }
  await Promise.all(turns);
  for (const { probes } of slots) for (const connection of probes.flat()) connection.close();
  return arrivals;
}

async function beforeDeadline<T>(expected: Promise<T>, otherwise: string): Promise<T> {
  const timer = new AbortController();
  const late = delay(DEADLINE_MS, undefined, { signal: timer.signal }).then(() => Promise.reject(new Error(otherwise)));
  late.catch(() => {});
  try {
    return await Promise.race([expected, late]);
  } finally {
    timer.abort();
  }
}

/** Connections that come by the endpoint's link, as behind a balancer that says so. */
function openProbes(gate: Watched["gate"], { linkId }: Endpoint): Promise<RawConnection[]> {
  const header = writeProxyHeader({ source: linkAddress(linkId, "10.1.1.4") });
  return Promise.all(
    Array.from({ length: PROBES }, () => RawConnection.open({ host: "::1", port: gate.proxyPort }, header)),
  );
}

/** Asks on each connection until it has the wanted answer. Returns when the last one had. */
async function watchWorkers(probes: readonly RawConnection[], { account }: Endpoint, wanted: number): Promise<number> {
  const request = writeRequest({ host: `${account}.privatelink.azurehealthcareapis.com`, target: "/Patient" });
  const deadline = performance.now() + DEADLINE_MS;
  const ends = probes.map(async connection => {
    while (performance.now() < deadline) {
      connection.send(request);
      if ((await connection.readResponse()).status === wanted) return performance.now();
      await delay(1);
    }
    throw new Error(`a worker never answered ${wanted} for ${account}`);
  });
  return Math.max(...(await Promise.all(ends)));
}

function summarize(proxy: string, arrivals: readonly Arrival[]): Propagation[] {
  return (["given", "taken", "both"] as const).map(kind => {
    const own = arrivals.filter(
      each => each.proxy === proxy && (kind === "both" || each.isGiven === (kind === "given")),
    );
    const way = (read: (arrival: Arrival) => number): Way => {
      const times = own.map(read);
      return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99), maxMs: Math.max(...times) };
    };
    return {
      proxy,
      kind,
      changes: own.length,
      told: way(({ told }) => told),
      enforced: way(({ told, whole }) => whole - told),
      whole: way(({ whole }) => whole),
    };
  });
}
