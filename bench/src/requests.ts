import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startAuthorizer } from "./authorizer.ts";
import { startEnvoy } from "./envoy.ts";
import { ENVOY_VARIANTS } from "./envoy-variants.ts";
import { type StillFeed, startStillFeed, writePages } from "./feed.ts";
import type { RunningGate, World } from "./gate.ts";
import { HAPROXY_VARIANTS, startHaproxy, whyNoHaproxy } from "./haproxy.ts";
import { runLoad, writeScript } from "./load.ts";
import { startNginx } from "./nginx.ts";
import { NGINX_VARIANTS } from "./nginx-variants.ts";
import { readCpuSeconds, readMemory, sum } from "./processes.ts";
import { median, quantile } from "./statistics.ts";
import { startService } from "./upstream.ts";

/** What is measured, and how long. */
export interface Plan {
  readonly folder: string;
  /** The link address that requests come from and go to. */
  readonly address: string;
  readonly accounts: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly isRealtime: boolean;
  /** Ends it early; everything is stopped. */
  readonly signal: AbortSignal;
  /** Only what has this in "proxy, name", beside what each is compared with. */
  readonly only: RegExp;
}

/** One measurement. CPU in seconds for each request. */
type Figure = { rate: number; p50: number; p99: number; gateCpu: number; allCpu: number };

/** A median, and the quarter of the rounds below and above it. */
export type Spread = { median: number; low: number; high: number };

/** A row of the table. Ratios are to "no check" of the same proxy in the same round. */
export interface Row {
  readonly proxy: string;
  readonly name: string;
  readonly rate: Spread;
  readonly rateRatio: Spread;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  /** Milliseconds of CPU time for 10,000 requests. */
  readonly gateCpuMs: Spread;
  readonly gateCpuRatio: Spread;
  /** Gate, and what it asks; the tenants' service and the load generator are not in it. */
  readonly allCpuMs: Spread;
  /** Share of its core that the gate's worker was given; well below 1, something else was the limit of the requests a second. */
  readonly share: number;
  /** More memory than "no check" of the same proxy, divided by the accounts. */
  readonly bytesPerAccount: number;
  readonly loadMs: number | null;
  readonly loadCpuMs: number;
}

/** Measures every variant, in turns: machines are noisy, so what counts are ratios within a round. */
export async function measureRequests(plan: Plan): Promise<Row[]> {
  const stops: (() => unknown)[] = [];
  try {
    const service = await startService(join(plan.folder, "service"), `200 '{"resourceType":"Bundle"}'`);
    stops.push(() => service.stop());
    const authorizer = await startService(join(plan.folder, "authorizer"), "204"); // ext_authz wants 200
    stops.push(() => authorizer.stop());
    const httpAuthorizer = await startService(join(plan.folder, "yes"), "200");
    stops.push(() => httpAuthorizer.stop());
    const grpcAuthorizer = await startAuthorizer("allow", 0);
    stops.push(() => grpcAuthorizer.stop());
    const decider = await startAuthorizer("decide", plan.accounts);
    stops.push(() => decider.stop());

    const pages = writePages(plan.accounts);
    const gates: RunningGate[] = [];
    const isWanted = (proxy: string, name: string) => name === "no check" || plan.only.test(`${proxy}, ${name}`);
    const begin = async (
      isLinkgate: boolean,
      start: (world: World) => Promise<Omit<RunningGate, "loadMs" | "loadCpuMs">>,
      yes: World["authorizer"],
    ) => {
      plan.signal.throwIfAborted();
      const feed: StillFeed = await startStillFeed(isLinkgate ? pages : writePages(0));
      stops.push(() => feed.stop());
      const folder = join(plan.folder, `gate${gates.length}`);
      const { accounts } = plan;
      const world = {
        folder,
        feedUrl: feed.url,
        accounts,
        workers: 1,
        service,
        authorizer: yes,
        grpcAuthorizer,
        decider,
      };
      const gate = await start(world);
      stops.push(() => gate.stop());
      const loadCpuMs = sum(gate.pids.map(readCpuSeconds)) * 1000;
      gates.push({ ...gate, loadMs: isLinkgate ? feed.loadMs - feed.feedMs : null, loadCpuMs });
      console.log(`up: ${gate.proxy}, ${gate.name}`);
    };
    for (const variant of NGINX_VARIANTS.filter(({ name }) => isWanted("NGINX", name)))
      await begin(variant.isLinkgate === true, world => startNginx(variant, world), authorizer);
    for (const variant of ENVOY_VARIANTS.filter(({ name }) => isWanted("Envoy", name))) {
      const { name, mostAccounts = plan.accounts } = variant;
      if (plan.accounts > mostAccounts) console.log(`without Envoy, ${name}: it can have ${mostAccounts} accounts`);
      else await begin(variant.isLinkgate === true, world => startEnvoy(variant, world), httpAuthorizer);
    }
    if (whyNoHaproxy !== null) console.log(`without HAProxy: ${whyNoHaproxy}`);
    else
      for (const variant of HAPROXY_VARIANTS.filter(({ name }) => isWanted("HAProxy", name)))
        await begin(false, world => startHaproxy(variant, world), authorizer);
    return await measureGates(gates, plan);
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

async function measureGates(gates: readonly RunningGate[], plan: Plan): Promise<Row[]> {
  const script = writeScript(plan.folder, plan.accounts);
  const measure = async (gate: RunningGate, seconds: number): Promise<Figure> => {
    const read = (pids: readonly number[]) => sum(pids.map(readCpuSeconds));
    const [gateBefore, othersBefore] = [read([gate.worker]), read(gate.others)];
    const { address, connections, signal } = plan;
    const { answers, rate, p50, p99 } = await runLoad({
      address,
      port: gate.port,
      connections,
      seconds,
      script,
      signal,
    });
    const gateCpu = (read([gate.worker]) - gateBefore) / answers;
    return { rate, p50, p99, gateCpu, allCpu: gateCpu + (read(gate.others) - othersBefore) / answers };
  };
  for (const gate of gates) await measure(gate, 1); // warm up

  const rounds: Figure[][] = [];
  for (let round = 0; round < plan.rounds; round++) {
    const figures: Figure[] = new Array(gates.length);
    for (let turn = 0; turn < gates.length; turn++) {
      const index = (turn + round) % gates.length; // nobody always goes first
      figures[index] = await measure(gates[index] as RunningGate, plan.seconds);
      if (plan.isRealtime) await delay(plan.seconds * 1000); // for everything else on the machine
    }
    rounds.push(figures);
    console.log(`round ${round + 1} of ${plan.rounds}`);
  }

  const memory = gates.map(gate => sum(gate.pids.map(readMemory)));
  return gates.map((gate, index): Row => {
    const base = gates.findIndex(({ proxy }) => proxy === gate.proxy);
    const own = rounds.map(figures => figures[index] as Figure);
    const bases = rounds.map(figures => figures[base] as Figure);
    const spread = (read: (figure: Figure) => number) => spreadOf(own.map(read));
    const ratio = (read: (figure: Figure) => number) =>
      spreadOf(own.map((figure, round) => read(figure) / read(bases[round] as Figure)));
    return {
      proxy: gate.proxy,
      name: gate.name,
      rate: spread(figure => figure.rate),
      rateRatio: ratio(figure => figure.rate),
      p50Ms: spread(figure => figure.p50),
      p99Ms: spread(figure => figure.p99),
      gateCpuMs: spread(figure => figure.gateCpu * 1e7),
      gateCpuRatio: ratio(figure => figure.gateCpu),
      allCpuMs: spread(figure => figure.allCpu * 1e7),
      share: median(own.map(figure => figure.gateCpu * figure.rate)),
      bytesPerAccount: ((memory[index] ?? 0) - (memory[base] ?? 0)) / plan.accounts,
      loadMs: gate.loadMs,
      loadCpuMs: gate.loadCpuMs,
    };
  });
}

function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75) };
}
