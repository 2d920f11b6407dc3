import { isIP } from "node:net";
import { isReservedHeader } from "@linkgate/core";
import { type AccessLogLine, parseAddress } from "@linkgate/njs/testing";
import type { UpstreamRequest } from "../gates/index.ts";
import type { Outcome } from "./drive.ts";
import type { GateReading } from "./gate-readings.ts";
import { markOf, type Plan } from "./generate.ts";
import { nameOf } from "./http-reading.ts";
import type { Verdict } from "./reference.ts";
import { SERVICES } from "./world.ts";

/** A plan that was carried out, and everything that came of it. */
export interface Battle {
  readonly plan: Plan;
  readonly verdicts: readonly Verdict[];
  readonly outcome: Outcome;
  /** The gate's lines that bear a mark of this plan. */
  readonly lines: readonly AccessLogLine[];
  /** What bears a mark of this plan at the tenants' services. */
  readonly forwarded: readonly UpstreamRequest[];
}

type Admitted = Extract<Verdict, { kind: "admitted" }>;

/** What a gate adds to core's reasons: refusals of its own, each of what the reference refuses as well. */
const OWN_REFUSALS = ["upgrade", "reserved-header", "health-check-body"];
/** A proxy's refusals (and 000, a connection that ended first), by which a connection ends. */
const isRefusal = (status: number) => status >= 400 && status !== 403 && status !== 502 && status !== 503;

/** Everything in which gate and reference disagree, one sentence each; the empty list if they agree. */
export function compare(battle: Battle, reading: GateReading): string[] {
  return [...compareLog(battle), ...compareForwarded(battle, reading), ...compareAnswers(battle, reading)];
}

function indexByMark(verdicts: readonly Verdict[]): Map<string, Verdict> {
  return new Map(verdicts.map(verdict => [markOf(verdict.request?.target ?? "") ?? "", verdict]));
}

function compareLog({ verdicts, lines }: Battle): string[] {
  const problems: string[] = [];
  const expected = indexByMark(verdicts);
  const seen = new Set<string>();
  for (const line of lines) {
    const mark = markOf(line.request_uri) ?? "";
    if (line.verdict === "") {
      if (line.status >= 400 || line.status < 100) continue;
      problems.push(`${mark}: status ${line.status} without a verdict`);
      continue;
    }
    if (seen.has(mark)) problems.push(`${mark}: judged twice`);
    seen.add(mark);
    const verdict = expected.get(mark);
    const wanted = describe(verdict);
    const got = `${line.verdict} ${line.reason} ${line.account} ${line.client}`.trimEnd();
    const isRight =
      line.verdict === "allow"
        ? verdict?.kind === "admitted" && got === wanted
        : verdict?.kind === "refused" || isRightDenial(line, verdict);
    if (!isRight) problems.push(`${mark}: the gate says "${got}", the reference "${wanted}"`);
  }
  return problems;
}

function isRightDenial(line: AccessLogLine, verdict: Verdict | undefined): boolean {
  if (verdict?.kind === "denied") return line.reason === verdict.reason;
  return verdict?.kind === "admitted" && verdict.mayRefuse && OWN_REFUSALS.includes(line.reason);
}

function describe(verdict: Verdict | undefined): string {
  switch (verdict?.kind) {
    case undefined:
      return "is no request";
    case "admitted":
      return `allow ${verdict.reason} ${verdict.account} ${verdict.client}`.trimEnd();
    case "denied":
      return `deny ${verdict.reason}`;
    case "refused":
      return `refuse: ${verdict.why}`;
  }
}

function compareForwarded({ verdicts, forwarded }: Battle, reading: GateReading): string[] {
  const problems: string[] = [];
  const expected = indexByMark(verdicts);
  const seen = new Set<string>();
  for (const request of forwarded) {
    const mark = markOf(request.target) ?? "";
    if (seen.has(mark)) problems.push(`${mark}: forwarded twice`);
    seen.add(mark);
    const verdict = expected.get(mark);
    if (verdict?.kind !== "admitted") problems.push(`${mark}: ${request.account} got it; ${describe(verdict)}`);
    else problems.push(...compareRequest(request, verdict, reading).map(problem => `${mark}: ${problem}`));
  }
  return problems;
}

/** What services believe, because the gate writes it. */
const GATE_HEADERS = [
  ...["x-private-link-id", "x-private-link-client", "host", "forwarded"],
  ...["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"],
];

/** What an admitted request must look like at the service (design 3). */
function compareRequest(request: UpstreamRequest, verdict: Admitted, reading: GateReading): string[] {
  const problems: string[] = [];
  const { account, reason, client, linkId, source } = verdict;
  if (reason === "health-check") problems.push("a health check went on with its query");
  if (request.account !== account) problems.push(`${request.account} got what is for ${account}`);
  if (request.method !== verdict.request.method) problems.push(`method ${request.method}`);
  if (request.target !== verdict.request.target) problems.push(`target ${request.target}`);
  if (verdict.request.body === null || !request.body.equals(verdict.request.body)) problems.push("another body");
  const valuesOf = (wanted: string) =>
    request.headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  const want = (name: string, values: readonly string[]) => {
    const got = valuesOf(name);
    if (got.join("\n") !== values.join("\n")) problems.push(`${name} is ${JSON.stringify(got)}`);
  };
  const host = nameOf(verdict.request.host);
  want("host", [host]);
  want("x-forwarded-host", [host]);
  want("x-forwarded-proto", ["http"]);
  want("x-private-link-id", linkId === 0 ? [] : [String(linkId)]);
  want("x-private-link-client", client === "" ? [] : [client]);
  for (const name of ["forwarded", "connection", "upgrade", "te"]) want(name, []);
  const isChunked = verdict.request.headers.some(([name]) => name === "transfer-encoding");
  want("transfer-encoding", isChunked && reading.keepsChunks ? ["chunked"] : []);
  for (const name of ["x-forwarded-for", "x-real-ip"]) {
    const [value = "", ...more] = valuesOf(name);
    if (more.length > 0 || source === null || !isSameAddress(value, source)) problems.push(`${name} is ${value}`);
  }
  for (const [name] of request.headers) {
    const isOurs = GATE_HEADERS.includes(name.toLowerCase());
    // A service may read "_" as "-".
    if (!isOurs && (isReservedHeader(name) || GATE_HEADERS.includes(name.toLowerCase().replaceAll("_", "-"))))
      problems.push(`the client's ${name}`);
  }
  return problems;
}

function isSameAddress(text: string, address: Buffer): boolean {
  const mapped = (bytes: Buffer) =>
    bytes.length === 4 ? Buffer.concat([Buffer.from("00000000000000000000ffff", "hex"), bytes]) : bytes;
  return isIP(text) > 0 && mapped(parseAddress(text)).equals(mapped(address));
}

/**
 * Every request is answered, and none twice. A connection ends before all are answered only behind one that is refused, or
 * denied by a proxy that then ends it.
 */
function compareAnswers({ plan, verdicts, outcome, lines, forwarded }: Battle, reading: GateReading): string[] {
  const problems: string[] = [];
  const whole = verdicts.filter(verdict => verdict.request?.body != null).length;
  const { statuses, ends, isClosed } = outcome;
  for (const end of ends) {
    const status = statuses[end - 1] ?? 0;
    if (!isRefusal(status) && !(reading.endsAtDenial && status === 403))
      problems.push(`the connection ended behind an answer with ${status}`);
  }
  // A connection whose PROXY header is refused ends without an answer.
  const last = statuses.at(-1) ?? (plan.listener === "proxy" ? 400 : 200);
  const isEndedByGate = isClosed && isRefusal(last);
  if (statuses.length < whole && !isEndedByGate)
    problems.push(`${statuses.length} answers to ${whole} requests: ${statuses.join(" ")}`);
  if (statuses.length > verdicts.length) problems.push(`${statuses.length} answers to ${verdicts.length} requests`);
  const ordinary = lines.filter(line => line.status === 200 && !line.reason.startsWith("health")).length;
  if (forwarded.length !== ordinary)
    problems.push(`${ordinary} lines with 200, ${forwarded.length} requests forwarded`);
  const admitted = lines.filter(line => line.verdict === "allow" && line.status === 200).length;
  const answered = statuses.filter(status => status === 200).length;
  if (answered > admitted) problems.push(`${answered} answers with 200, ${admitted} admissions`);
  return problems;
}

/** The health checks that services with a socket got, against those that the gate says it let through. */
export function compareHealth(lines: readonly AccessLogLine[], requests: readonly UpstreamRequest[]): string[] {
  return SERVICES.flatMap(account => {
    const logged = lines.filter(
      line => line.reason === "health-check" && line.status === 200 && line.account === account,
    );
    const got = requests.filter(request => request.account === account);
    const isBare = (request: UpstreamRequest) =>
      request.target === "/health/check" &&
      request.body.length === 0 &&
      request.headers.map(([name]) => name.toLowerCase()).join() === "host";
    const problems = got.filter(request => !isBare(request)).map(request => `no bare health check: ${request.raw}`);
    if (got.length !== logged.length)
      problems.push(`${account} got ${got.length} health checks, the log has ${logged.length}`);
    return problems;
  });
}
