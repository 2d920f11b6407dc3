import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { RawConnection, writeRequest } from "@linkgate/njs/testing";
import { startEnvoy } from "./envoy.ts";
import { ENVOY_VARIANTS } from "./envoy-variants.ts";
import { COMMON_LINK, nameAccount, type StillFeed, startStillFeed, writePages } from "./feed.ts";
import type { RunningGate, World } from "./gate.ts";
import { runLoad, writeScript } from "./load.ts";
import { startNginx } from "./nginx.ts";
import { NGINX_VARIANTS } from "./nginx-variants.ts";
import { quantile } from "./statistics.ts";
import { startService } from "./upstream.ts";

const WORKERS = 2;
/** Enough that no worker goes unasked. */
const PROBES = 12;
/** An account that the load does not ask for. */
const PROBED = nameAccount(9_999_999);

/** How long a gate took to enforce a change on all of its workers, in milliseconds from the feed's answer. */
export interface Delay {
  readonly proxy: string;
  readonly changes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Takes a link away and gives it back, over and over, while wrk asks for other accounts, and watches on many connections. */
export async function measurePropagation(
  folder: string,
  address: string,
  accounts: number,
  changes: number,
  signal: AbortSignal,
): Promise<Delay[]> {
  const stops: (() => unknown)[] = [];
  try {
    const service = await startService(join(folder, "service"), `200 '{"resourceType":"Bundle"}'`);
    stops.push(() => service.stop());
    const delays: Delay[] = [];
    const linkgate = <V extends { readonly isLinkgate?: boolean }>(variants: readonly V[]) =>
      variants.find(({ isLinkgate }) => isLinkgate === true) as V;
    for (const start of [
      (world: World) => startNginx(linkgate(NGINX_VARIANTS), world),
      (world: World) => startEnvoy(linkgate(ENVOY_VARIANTS), world),
    ]) {
      const feed = await startStillFeed(writePages(accounts));
      stops.push(() => feed.stop());
      const gate = await start({
        folder: join(folder, `propagation${delays.length}`),
        feedUrl: feed.url,
        accounts,
        workers: WORKERS,
        service,
        authorizer: service,
        grpcAuthorizer: service,
        decider: service,
      });
      stops.push(() => gate.stop());
      const script = writeScript(folder, accounts);
      const seconds = Math.ceil(changes / 10) + 2; // a change takes less than 0.1 s, or the load would be the shorter
      const load = runLoad({ address, port: gate.port, connections: 16, seconds, script, signal });
      const times = await measureChanges(gate, feed, address, changes);
      await load;
      delays.push({
        proxy: gate.proxy,
        changes,
        p50Ms: quantile(times, 0.5),
        p99Ms: quantile(times, 0.99),
        maxMs: Math.max(...times),
      });
      console.log(`measured: ${changes} changes, ${gate.proxy}`);
    }
    return delays;
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

async function measureChanges(
  gate: Pick<RunningGate, "port">,
  feed: StillFeed,
  address: string,
  changes: number,
): Promise<number[]> {
  const request = writeRequest({ host: `${PROBED}.privatelink.azurehealthcareapis.com`, target: "/Patient" });
  const connections = await Promise.all(
    Array.from({ length: PROBES }, () => RawConnection.open({ host: address, port: gate.port })),
  );
  const times: number[] = [];
  for (let change = 1; change <= changes; change++) {
    const wanted = change % 2 === 1 ? 200 : 403;
    const started = performance.now();
    feed.push(`+${PROBED}\t${change}\tdisabled\t${wanted === 200 ? COMMON_LINK : ""}`);
    const ends = connections.map(async connection => {
      for (;;) {
        connection.send(request);
        if ((await connection.readResponse()).status === wanted) return performance.now();
        await delay(1);
      }
    });
    times.push(Math.max(...(await Promise.all(ends))) - started);
    await delay(20); // the gate polls again
  }
  for (const connection of connections) connection.close();
  return times;
}
