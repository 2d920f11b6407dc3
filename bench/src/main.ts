import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linkAddress, writeProxyHeader } from "@linkgate/njs/testing";
import { nameAccount, startStillFeed } from "./feed.ts";
import { type RunningGate, startGate } from "./gate.ts";
import { runLoad } from "./load.ts";
import { median } from "./statistics.ts";
import { startUpstream } from "./upstream.ts";
import { listVariants } from "./variants.ts";

// `npm run bench`: requests a second and CPU a request of the same NGINX, one worker, with and without the check. Machines differ and
// are noisy, so the variants take turns, and what counts are the ratios to "no check" within one round.

const ACCOUNTS = 100_000;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
const DURATION_MS = 1500;
const CONNECTIONS = 16;

interface Figure {
  rate: number;
  cpu: number;
}

const account = 4711;
const preface = writeProxyHeader({ source: linkAddress(3 * account + 2, "10.1.1.4") });
const request = Buffer.from(
  `GET /Patient?name=x HTTP/1.1\r\nHost: ${nameAccount(account)}.privatelink.azurehealthcareapis.com\r\n` +
    "User-Agent: bench\r\nAccept: application/fhir+json\r\nAuthorization: Bearer 0123456789abcdef0123456789abcdef\r\n\r\n",
);

async function measure(gate: RunningGate, duration: number): Promise<Figure> {
  const before = gate.readCpu();
  const { answers, seconds } = await runLoad({ port: gate.port, preface, request, connections: CONNECTIONS, duration });
  return { rate: answers / seconds, cpu: ((gate.readCpu() - before) / answers) * 1e6 };
}

const folder = mkdtempSync(join(tmpdir(), "lg-bench-"));
const stops: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
try {
  const feed = await startStillFeed(ACCOUNTS);
  stops.push(() => feed.stop());
  const upstream = await startUpstream(join(folder, "upstream"));
  stops.push(() => upstream.stop());
  const noop = join(folder, "noop.js");
  writeFileSync(noop, "function check(r) {}\nexport default { check };\n");

  const gates: RunningGate[] = [];
  for (const [index, variant] of listVariants(noop, upstream.authorizer).entries()) {
    const gate = await startGate(join(folder, `gate${index}`), variant, feed.url, upstream.service);
    stops.push(() => gate.stop());
    gates.push(gate);
    await measure(gate, 500); // warm up
    console.log(`up: ${variant.name}`);
  }

  const rounds: Figure[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const figures: Figure[] = new Array(gates.length);
    for (let turn = 0; turn < gates.length; turn++) {
      const index = (turn + round) % gates.length; // nobody always goes first
      figures[index] = await measure(gates[index] as RunningGate, DURATION_MS);
    }
    rounds.push(figures);
    console.log(`round ${round + 1} of ${ROUNDS}`);
  }

  console.log(
    `\nmedians of ${ROUNDS} rounds, ${CONNECTIONS} connections, one worker; ratios to "${gates[0]?.name}" of the same round\n`,
  );
  console.log(
    `${"".padEnd(34)}${"requests/s".padStart(12)}${"ratio".padStart(8)}${"CPU us".padStart(9)}${"ratio".padStart(8)}`,
  );
  for (const [index, gate] of gates.entries()) {
    const own = rounds.map(figures => figures[index] as Figure);
    const rateRatio = median(rounds.map(figures => (figures[index] as Figure).rate / (figures[0] as Figure).rate));
    const cpuRatio = median(rounds.map(figures => (figures[index] as Figure).cpu / (figures[0] as Figure).cpu));
    console.log(
      gate.name.padEnd(34) +
        median(own.map(figure => figure.rate))
          .toFixed(0)
          .padStart(12) +
        rateRatio.toFixed(2).padStart(8) +
        median(own.map(figure => figure.cpu))
          .toFixed(1)
          .padStart(9) +
        cpuRatio.toFixed(2).padStart(8),
    );
  }
} finally {
  for (const stop of stops.reverse()) await stop();
}
