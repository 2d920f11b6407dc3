import { ACCOUNT_BODY, accountPath, expectStatus } from "../../test/support/documents.ts";
import { randomOf } from "../random.ts";
import { killReaders, killReplicas, rush } from "./chaos.ts";
import { audit, settle } from "./checks.ts";
import type { Book } from "./ledger.ts";
import { REPLICAS, World } from "./world.ts";
import { Writer } from "./writer.ts";

const WRITERS = 32;
const REPORTERS = 6;
const SHARED = 10;
/** Actions of the writers, without which a soak says little. */
const LEAST = 400;

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
    await run(world, seconds, signal);
    return { objections: world.objections.list, counts: world.counts, errors: world.errors };
  } finally {
    await world.close();
  }
}

async function run(world: World, seconds: number, signal: AbortSignal | undefined): Promise<void> {
  const { random, ledger } = world;
  const writing = writeFor(world, seconds, signal);
  const shared: Book[] = Array.from({ length: SHARED }, (_, n) => ({
    name: `shared-${n}`,
    exists: true,
    publicAccess: "Enabled",
    slots: new Set(),
    told: undefined,
  }));
  const first = world.newClient();
  for (const { name } of shared) expectStatus(await first.put(accountPath(name), ACCOUNT_BODY), 201);
  await first.close();
  const clients = Array.from({ length: WRITERS }, () => [world.newClient(), world.newClient()]);
  const pool = Array.from({ length: 40 }, (_, n) => 1000 + n);
  const over = new AbortController();
  const writers = clients.map(
    (own, number) =>
      new Writer({
        ...{ number, random: random.fork(), ledger, clients: own, shared, pool },
        readers: () => world.readers,
        over: over.signal,
      }),
  );
  const auditing = new AbortController();
  const audited = audit(world, auditing.signal);
  const chaos = Array.from({ length: REPLICAS }, (_, slot) => killReplicas(world, slot, random.fork(), writing));
  chaos.push(killReaders(world, random.fork(), writing), rush(world, writers, writing));
  const accounts = [...shared, ...writers.map(({ own }) => own)].map(({ name }) => name);
  const reporters = Array.from({ length: REPORTERS }, (_, number) => world.newReporter(number, accounts));
  const working = [...writers, ...reporters].map(each => each.run(writing));
  try {
    await Promise.all([...working, ...chaos]);
    await settle(world, writers, reporters);
  } finally {
    over.abort();
    auditing.abort();
    await audited;
    await Promise.all(clients.flat().map(client => client.close()));
  }
}

function writeFor({ ledger }: World, seconds: number, stop: AbortSignal | undefined): AbortSignal {
  const controller = new AbortController();
  const began = performance.now();
  const timer = setInterval(() => {
    const part = (performance.now() - began) / (seconds * 1000);
    const isEnough = part >= 1 && (ledger.counts.actions ?? 0) >= LEAST;
    if (!isEnough && part < 5 && stop?.aborted !== true) return;
    clearInterval(timer);
    controller.abort();
  }, 100);
  return controller.signal;
}
