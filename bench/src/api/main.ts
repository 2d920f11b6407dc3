import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  ACCOUNT_BODY,
  type Answer,
  type ArmClient,
  accountPath,
  connectionPath,
  proxyBody,
  proxyPath,
} from "@linkgate/api/testing";
import type pg from "pg";
import { type Latency, medianOf, readLoad, readTreeCpu, show, summarize } from "./figures.ts";
import { Gates } from "./gates.ts";
import { GATE, startRegistry } from "./registry.ts";
import { Reports } from "./reports.ts";

// `npm run bench -- api`: one api on one PostgreSQL, all on this machine with the clients and gates that ask them.

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
const RATE = 100;
const GATES = 100;
const LISTED = 10_000;
const ACCOUNTS = 1000;
const LIST_SUBSCRIPTION = "00000000-0000-0000-0000-00000000000a";

let made = 0;
const stops: (() => Promise<unknown>)[] = [];
try {
  const folder = await mkdtemp(join(tmpdir(), "lg-bench-"));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  const registry = await startRegistry(folder);
  stops.push(() => registry.stop());
  const { arm: arms, sql, feedUrl: url } = registry;

  const numbers = Array.from({ length: ACCOUNTS }, (_, n) => n).values();
  const create = async (): Promise<void> => {
    for (const n of numbers) expect(await arms.put(accountPath(`bench-${n}`), ACCOUNT_BODY), 201);
  };
  await Promise.all([create(), create(), create(), create()]);
  await putProxies(arms, 2); // warm up

  await report(`PUT proxy, automatic approval, ${RATE}/s for ${SECONDS} s`, () => putProxies(arms, SECONDS));
  await report(`GET connection, ${RATE}/s for ${SECONDS} s`, () =>
    pace(SECONDS, n => arms.get(connectionPath(`bench-${n % ACCOUNTS}`, `pe-${n % ACCOUNTS}`)), 200),
  );
  await fillList(sql);
  await report(`list of ${LISTED.toLocaleString("en")} accounts, a page`, () => readList(arms));

  const arrivals: { account: string; at: number }[] = [];
  const follow = (wait: number) =>
    Gates.start({
      ...{ url, ...GATE, count: GATES, wait },
      onChange: (account, at) => arrivals.push({ account, at }),
    });
  let gates = await follow(30);
  await report(`commit to gate, ${GATES} gates, ${RATE} changes/s for ${SECONDS} s`, async () => {
    arrivals.length = 0;
    await putProxies(arms, SECONDS);
    await pause(2000);
    return lagOf(sql, arrivals);
  });
  await gates.stop();

  gates = await follow(5);
  await pause(5000);
  await reportCpu(registry.pids, `${GATES} idle gates, polls of 5 s`, () => gates.polls, "polls");
  await gates.stop();

  const accounts = Array.from({ length: ACCOUNTS }, (_, n) => `bench-${n}`);
  const reports = new Reports({ url, ...GATE, count: GATES, lines: 10, accounts });
  await pause(5000);
  await reportCpu(registry.pids, `${GATES} gates that report 10 accounts a second each`, () => reports.sent, "reports");
  await reports.stop();
} finally {
  for (const stop of stops.reverse()) await stop();
}

/** What the processes use meanwhile, in parts of a core. @param count of what goes on */
async function reportCpu(parts: Record<string, number>, what: string, count: () => number, unit: string) {
  const seconds = 2 * SECONDS;
  for (let round = 0; round < ROUNDS; round++) {
    const before = Object.values(parts).map(readTreeCpu);
    const counted = count();
    await pause(seconds * 1000);
    const used = Object.keys(parts).map((name, n) => {
      const percent = ((readTreeCpu(Object.values(parts)[n] ?? 0) - (before[n] ?? 0)) / seconds) * 100;
      return `${name} ${percent.toFixed(1)} %`;
    });
    console.log(`${what}: ${used.join(", ")} of a core; ${(count() - counted) / seconds} ${unit}/s; ${readLoad()}`);
  }
}

async function report(what: string, measure: () => Promise<Latency>): Promise<void> {
  const rounds: Latency[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push(await measure());
    console.log(`${what}, round ${round + 1}: ${show(rounds.at(-1) as Latency)}; ${readLoad()}`);
  }
  console.log(`${what}: median ${show(medianOf(rounds))}`);
}

/**
 * Sends at a steady rate, whether or not answers come; a latency counts from the moment at which the request was due, so
 * that a slow answer does not hide the wait of those behind it.
 */
async function pace(seconds: number, send: (n: number) => Promise<Answer>, status: number): Promise<Latency> {
  const latencies: number[] = [];
  let refused = 0;
  const open: Promise<void>[] = [];
  const began = performance.now();
  for (let n = 0; n < seconds * RATE; n++) {
    const due = began + (n * 1000) / RATE;
    if (performance.now() < due) await pause(due - performance.now());
    open.push(
      send(n).then(answer => {
        if (answer.status === 503) refused += 1;
        else {
          expect(answer, status);
          latencies.push(performance.now() - due);
        }
      }),
    );
  }
  await Promise.all(open);
  if (refused > 0) console.log(`  ${refused} of ${open.length} were refused with 503: more than the machine can do`);
  return summarize(latencies);
}

/** New endpoints with a link each, spread over the accounts. */
function putProxies(arm: ArmClient, seconds: number): Promise<Latency> {
  return pace(
    seconds,
    () => {
      const n = made++;
      return arm.put(proxyPath(`bench-${n % ACCOUNTS}`, `pe-${n}`), proxyBody(`pe-${n}`, "auto", [1000 + n]));
    },
    201,
  );
}

async function fillList(sql: pg.Pool): Promise<void> {
  await sql.query(
    `insert into accounts (account, subscription_id, resource_group, resource_type, name, location, kind, tags, properties,
        public_network_access, provisioning_state, etag, system_data)
      select 'listed-' || n, $1, 'rg', 'services', 'listed-' || n, 'westus2', 'fhir-R4', '{}', '{}', 'Enabled', 'Succeeded', n, '{}'
      from generate_series(1, $2::int) n`,
    [LIST_SUBSCRIPTION, LISTED],
  );
  await sql.query("analyze");
}

async function readList(arm: ArmClient): Promise<Latency> {
  const pages: number[] = [];
  let seen = 0;
  const began = performance.now();
  let next: string | undefined = `/subscriptions/${LIST_SUBSCRIPTION}/providers/Microsoft.HealthcareApis/services`;
  while (next !== undefined) {
    const sent = performance.now();
    const answer: Answer = await arm.get(next);
    pages.push(performance.now() - sent);
    expect(answer, 200);
    seen += answer.body.value.length;
    next = answer.body.nextLink;
  }
  if (seen !== LISTED) throw new Error(`the list has ${seen} accounts`);
  console.log(`  ${pages.length} pages in ${(performance.now() - began).toFixed(0)} ms`);
  return summarize(pages);
}

/** From the commit of each account's last change, by PostgreSQL's own record, to each gate that was told of it. */
async function lagOf(sql: pg.Pool, arrivals: readonly { account: string; at: number }[]): Promise<Latency> {
  const { rows } = await sql.query<{ account: string; at: number }>(
    "select account, extract(epoch from pg_xact_commit_timestamp(writer::xid))::float8 * 1000 as at from feed where account like 'bench-%'",
  );
  const commits = new Map(rows.map(({ account, at }) => [account, at]));
  const lags = arrivals.map(({ account, at }) => at - (commits.get(account) ?? Number.NaN)).filter(lag => lag >= 0);
  console.log(`  ${lags.length} arrivals`);
  return summarize(lags);
}

function expect({ status, text }: Answer, wanted: number): void {
  if (status !== wanted) throw new Error(`wanted ${wanted}, got ${status}: ${text}`);
}
