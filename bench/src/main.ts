import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { linkAddress } from "@linkgate/njs/testing";
import { keepCoresAwake, useRealtime } from "./cores.ts";
import { readFacts } from "./facts.ts";
import { COMMON_LINK } from "./feed.ts";
import { measurePropagation, type PropagationResult } from "./propagation.ts";
import { measureRequests, type Row, type Spread } from "./requests.ts";

// `npm run bench`: the gates against what people would use instead, one worker each on the first core, everything else on the
// second. docs/performance.md says what the columns mean and what limits them.

const RESULTS = fileURLToPath(new URL("../results", import.meta.url));

const { values } = parseArgs({
  options: {
    accounts: { type: "string", default: "100000" },
    rounds: { type: "string", default: "7" },
    seconds: { type: "string", default: "2" },
    connections: { type: "string", default: "16" },
    /** A regular expression over "NGINX, Linkgate" and the like. */
    only: { type: "string", default: "" },
    /** Before everything else on the machine, with a pause as long after each measurement. */
    realtime: { type: "boolean", default: false },
    /** Changes whose way to all workers is timed, instead of requests. */
    changes: { type: "string", default: "0" },
    /** How many gates follow the feed meanwhile, the two that are watched among them. */
    gates: { type: "string", default: "5" },
  },
});

const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopping.abort());
const address = linkAddress(COMMON_LINK, "10.1.1.4");
const folder = mkdtempSync(join(tmpdir(), "lg-bench-"));
try {
  execFileSync("ip", ["-6", "addr", "replace", `${address}/128`, "dev", "lo", "nodad"], { stdio: "pipe" });
} catch (error) {
  console.error(`npm run bench gives the loopback interface the address ${address}, which takes root: ${error}`);
  process.exit(1);
}
const letSleep = keepCoresAwake();
if (letSleep === null)
  console.log("idle cores sleep: proxies that keep the load generator less busy pay for waking it");
try {
  const plan = {
    accounts: Number(values.accounts),
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    connections: Number(values.connections),
    isRealtime: values.realtime,
  };
  useRealtime(plan.isRealtime);
  const facts = { ...readFacts(), coresStayAwake: letSleep !== null };
  const changes = Number(values.changes);
  const { signal } = stopping;
  if (changes > 0) {
    const { accounts } = plan;
    const changed = { accounts, changes, gates: Number(values.gates) };
    const result = await measurePropagation({ folder, address, ...changed, signal });
    printPropagation(result);
    const file = write("changes", { facts, plan: changed, ...result });
    console.log(`\n${accounts} accounts x 3 links; ${file}`);
  } else {
    const rows = await measureRequests({ folder, address, ...plan, signal, only: new RegExp(values.only) });
    print(rows);
    const file = write("requests", { facts, plan, rows });
    console.log(
      `\n${plan.accounts} accounts x 3 links, medians of ${plan.rounds} rounds of ${plan.seconds} s; ${file}`,
    );
  }

  function write(kind: string, result: object): string {
    mkdirSync(RESULTS, { recursive: true });
    const file = join(RESULTS, `${kind}-${plan.accounts}-${facts.time.replace(/\W/g, "")}.json`);
    writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
    return file;
  }
} finally {
  letSleep?.();
  execFileSync("ip", ["-6", "addr", "del", `${address}/128`, "dev", "lo"], { stdio: "pipe" });
  rmSync(folder, { recursive: true, force: true });
}

function printPropagation({ ways, loads, seen, gates, changesPerSecond }: PropagationResult): void {
  for (const { proxy, rate, p99 } of seen)
    console.log(`load: ${rate.toFixed(0)} requests/s at ${proxy}, p99 ${p99.toFixed(1)} ms`);
  for (const { proxy, loadMs, apiMs } of loads)
    console.log(`first load, ${proxy}: ${loadMs.toFixed(0)} ms, of which ${apiMs.toFixed(0)} waiting for the api`);
  console.log(
    `\n${gates} gates follow the feed, ${changesPerSecond} changes a second; p50, p99 and the slowest, in ms\n`,
  );
  const way = ({ p50Ms, p99Ms, maxMs }: { p50Ms: number; p99Ms: number; maxMs: number }) =>
    [p50Ms, p99Ms, maxMs].map(ms => ms.toFixed(1)).join(", ");
  console.table(
    ways.map(({ proxy, kind, changes, told, enforced, whole }) => ({
      ...{ proxy, links: kind, changes },
      ...{ "commit to answer": way(told), "answer to all workers": way(enforced), whole: way(whole) },
    })),
  );
}

function print(rows: readonly Row[]): void {
  const ratio = ({ median, low, high }: Spread) => `${median.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
  const heads = [
    "requests/s",
    "ratio",
    "p50 ms",
    "p99 ms",
    "gate CPU",
    "ratio",
    "all CPU",
    "B/account",
    "load ms",
    "CPU",
    "busy",
  ];
  const widths = [11, 18, 8, 8, 9, 18, 8, 10, 8, 7, 6];
  const line = (name: string, cells: readonly string[]) =>
    console.log(name.padEnd(42) + cells.map((cell, at) => cell.padStart(widths[at] ?? 0)).join(""));
  console.log(
    "\nCPU: milliseconds for 10,000 requests; ratios to the same proxy without a check, with the middle half of the rounds\n",
  );
  line("", heads);
  for (const row of rows) {
    line(`${row.proxy}, ${row.name}`, [
      row.rate.median.toFixed(0),
      ratio(row.rateRatio),
      row.p50Ms.median.toFixed(2),
      row.p99Ms.median.toFixed(2),
      row.gateCpuMs.median.toFixed(0),
      ratio(row.gateCpuRatio),
      row.allCpuMs.median.toFixed(0),
      row.bytesPerAccount.toFixed(0),
      row.loadMs === null ? "" : row.loadMs.toFixed(0),
      row.loadCpuMs.toFixed(0),
      row.share.toFixed(2),
    ]);
  }
}
