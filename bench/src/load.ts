import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { commandOnSecondCore } from "./cores.ts";
import { nameAccount } from "./feed.ts";

const WRK = fileURLToPath(new URL("../../.cache/wrk/bin/wrk", import.meta.url));
/** So many different accounts are asked, one after the other: more than a cache holds, few enough for wrk. */
const ACCOUNTS_ASKED = 10_000;

/** Where and how the requests are sent. */
export interface Load {
  /** The gate's address, which is the source as well: a connection to an address of this machine comes from that address. */
  readonly address: string;
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** The script that {@link writeScript} wrote. */
  readonly script: string;
  readonly signal: AbortSignal;
}

/** What the load generator saw. Latencies are milliseconds. */
export interface Seen {
  readonly answers: number;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

/** Writes what wrk sends: requests as a FHIR client makes them, for accounts in an order that no cache foresees. */
export function writeScript(folder: string, accounts: number): string {
  const asked = Math.min(accounts, ACCOUNTS_ASKED);
  const hosts = Array.from({ length: asked }, (_, at) => `"${nameAccount((at * 7919) % accounts)}"`);
  const script = join(folder, "requests.lua");
  writeFileSync(
    script,
    `local accounts = {${hosts.join(",")}}
local requests, at = {}, 0
init = function()
  for i, account in ipairs(accounts) do
    requests[i] = wrk.format("GET", "/Patient?name=x", {
      ["Host"] = account .. ".privatelink.azurehealthcareapis.com", ["User-Agent"] = "bench",
      ["Accept"] = "application/fhir+json", ["Authorization"] = "Bearer 0123456789abcdef0123456789abcdef" })
  end
end
request = function() at = at % #requests + 1 return requests[at] end
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format('\\nRESULT {"answers":%d,"seconds":%f,"p50":%f,"p99":%f,"errors":%d}\\n', summary.requests,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`,
  );
  return script;
}

/**
 * Sends requests with wrk on the second core. @throws Error when any answer is none or no 2xx: a benchmark of denials would be a
 * fast lie
 */
export async function runLoad({ address, port, connections, seconds, script, signal }: Load): Promise<Seen> {
  const wrk = existsSync(WRK) ? WRK : "wrk";
  const url = `http://[${address}]:${port}/`;
  const [file, ...args] = commandOnSecondCore(wrk, "-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, url);
  const { stdout } = await promisify(execFile)(file, args, { signal });
  const result = /^RESULT (.*)$/m.exec(stdout)?.[1];
  if (result === undefined) throw new Error(`wrk did not say what it saw: ${stdout}`);
  const seen = JSON.parse(result) as { answers: number; seconds: number; p50: number; p99: number; errors: number };
  if (seen.errors > 0 || seen.answers === 0) throw new Error(`${seen.errors} of ${seen.answers} requests failed`);
  return { answers: seen.answers, rate: seen.answers / seen.seconds, p50: seen.p50, p99: seen.p99 };
}
