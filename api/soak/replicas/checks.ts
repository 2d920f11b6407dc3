import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { findBrokenInvariants } from "../invariants.ts";
import type { Reader } from "./reader.ts";
import type { Reporter } from "./reporter.ts";
import { MAX_CONNECTIONS, type World } from "./world.ts";
import type { Writer } from "./writer.ts";

/** Seconds that what still runs may take when nobody is killed any more; a notice whose sender died waits for its lease. */
const SETTLE = 300;

/** An account as the feed has it. */
interface FeedRow {
  readonly account: string;
  readonly version: string;
  readonly present: boolean;
  readonly record: string;
}

/** Looks at what is committed, over and over: no state in between may break a rule. */
export async function audit(world: World, signal: AbortSignal): Promise<void> {
  await withRegistry(world, async registry => {
    while (!signal.aborted) {
      for (const broken of await findBrokenInvariants(registry, MAX_CONNECTIONS)) world.objections.add(broken);
      world.count("audits");
      await pause(500, undefined, { signal }).catch(() => {});
    }
  });
}

/** Nobody is killed any more: everything comes to its end, and all agree. */
export async function settle(world: World, writers: readonly Writer[], reporters: readonly Reporter[]): Promise<void> {
  await withRegistry(world, async registry => {
    await waitForOperations(world, registry);
    await Promise.all(writers.map(writer => writer.settle()));
    for (const name of world.ledger.toTell) {
      if (!world.nrp.told.has(name)) world.objections.add(`NRP was never told of ${name}`);
    }
    const { rows } = await registry.query<FeedRow>(
      "select account, version, present, public_access || E'\\t' || array_to_string(link_ids, ',') as record from feed order by 1",
    );
    for (const writer of writers) compareAccount(world, writer, rows);
    await compareHistory(world, registry);
    for (const reporter of reporters) {
      await reporter.compare(registry);
      for (const [what, count] of Object.entries(reporter.counts)) world.count(`reports: ${what}`, count);
    }
    await Promise.all(world.readers.map(reader => compareReader(world, reader, rows)));
    for (const reader of world.readers) world.countReader(reader);
  });
}

async function withRegistry(world: World, work: (registry: pg.Client) => Promise<void>): Promise<void> {
  const registry = new pg.Client({ connectionString: world.databaseUrl });
  await registry.connect();
  try {
    await work(registry);
  } finally {
    await registry.end();
  }
}

async function waitForOperations(world: World, registry: pg.Client): Promise<void> {
  const began = performance.now();
  const end = began + SETTLE * 1000;
  for (;;) {
    const { rows } = await registry.query(
      "select status, count(*)::int, min(kind || ' of ' || resource_id) as first from operations group by status",
    );
    const running = rows.find(row => row.status === "Running");
    for (const { status, count } of rows) world.note(`operations ${status}`, count);
    world.note("seconds until the last operation ended", Math.round((performance.now() - began) / 1000));
    if (running === undefined) return;
    if (performance.now() > end) {
      world.objections.add(`${running.count} operations still run after ${SETTLE} s, such as ${running.first}`);
      return;
    }
    await pause(50);
  }
}

/** One version for each change that was answered: none is lost, none applied twice. */
function compareAccount(world: World, { own }: Writer, rows: readonly FeedRow[]): void {
  const { version, record } = own.told ?? { version: 0, record: undefined };
  const row = rows.find(each => each.account === own.name);
  const kept =
    row === undefined ? undefined : { version: Number(row.version), record: row.present ? row.record : undefined };
  if (version === (kept?.version ?? 0) && record === kept?.record) return;
  world.objections.add(`${own.name} is ${JSON.stringify(kept)}, and the answers say ${JSON.stringify(own.told)}`);
}

/** The history has each change that was answered, once, and no other. */
async function compareHistory(world: World, registry: pg.Client): Promise<void> {
  const { rows } = await registry.query<{ connection: string; changes: string[] }>(
    `select connection, array_agg(from_state || '>' || to_state order by at) as changes from decisions
      where connection is not null and from_state <> to_state group by connection`,
  );
  const written = new Map(rows.map(row => [row.connection, row.changes.join(" ")]));
  const { changes } = world.ledger;
  for (const name of new Set([...written.keys(), ...changes.keys()])) {
    const answered = changes.get(name)?.join(" ");
    if (written.get(name) === answered) continue;
    world.objections.add(`the history of ${name} is ${written.get(name)}, and the answers say ${answered}`);
  }
  world.count("changes answered and written", rows.length);
}

async function compareReader(world: World, reader: Reader, rows: readonly FeedRow[]): Promise<void> {
  await reader.nextSweep();
  await reader.nextSweep();
  const wanted = rows.filter(row => row.present).map(row => `${row.account}\t${row.record}`);
  const table = [...(reader.table ?? [])].filter(([, { record }]) => record !== undefined);
  const found = table.map(([account, { record }]) => `${account}\t${record}`).sort();
  const missing = wanted.filter(line => !found.includes(line));
  const foreign = found.filter(line => !wanted.includes(line));
  if (missing.length + foreign.length === 0) return;
  world.objections.add(
    `a gate lacks ${missing.join("; ") || "nothing"} and has ${foreign.join("; ") || "nothing"} of its own`,
  );
}
