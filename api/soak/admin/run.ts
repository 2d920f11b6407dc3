import fc from "fast-check";
import type { Dispatcher } from "undici";
import { DATA_ADMIN, newPerson, READER, type World } from "../../test/admin/support/world.ts";
import { ReporterDouble } from "../../test/counts/kit.ts";
import { accountPath, createAccount, proxyBody, proxyPath } from "../../test/support/documents.ts";
import { TestGate } from "../../test/support/gate.ts";
import { checkAnswer, checkLog, type Objector, objector, withoutEcho } from "../fuzz/answers.ts";
import { checkRegistry } from "../invariants.ts";
import { ACCOUNTS, type AdminRequest, adminRequests, type CallerName, CONNECTIONS, INCARNATIONS } from "./requests.ts";

const MAX_CONNECTIONS = 5;
/** Requests after which connections that were removed are made again. */
const RENEWAL = 20;
/** In each document that only who may read an account may see. */
const SECRET = "in-nobodys-eyes";

export interface FuzzOptions {
  readonly seed: number;
  /** Requests. */
  readonly runs: number;
}

/**
 * Sends requests made from the admin API's document, in the names of people with and without rights, and throws, with the
 * request, when an answer is a 5xx, is not what the contract allows, lacks its headers, says what went on inside, or says
 * anything to who may not know it; or when the registry breaks a rule afterwards.
 *
 * @returns how often there was each answer, by operation and status
 */
export async function fuzzAdmin(world: World, { seed, runs }: FuzzOptions): Promise<Readonly<Record<string, number>>> {
  const tokens = await enroll(world);
  const counts: Record<string, number> = {};
  let sent = 0;
  const property = fc.asyncProperty(adminRequests(), async made => {
    if (sent++ % RENEWAL === 0) await renewConnections(world);
    const what = `${made.operation.id} ${await check(world, tokens, made)}`;
    counts[what] = (counts[what] ?? 0) + 1;
  });
  await fc.assert(property, { seed, numRuns: runs });
  const broken = await checkRegistry(world.api.databaseUrl, MAX_CONNECTIONS);
  if (broken.length > 0) throw new Error(broken.join("\n"));
  checkLog(world.api.logged);
  return counts;
}

/** Makes accounts, a gate that has told of requests, and people; what each shows. */
async function enroll(world: World): Promise<ReadonlyMap<CallerName, string | undefined>> {
  for (const account of ACCOUNTS) await createAccount(world.api.nrp, account);
  await renewConnections(world);
  const [incarnation] = INCARNATIONS;
  const { name, token } = world.api.gateAccess;
  await new TestGate(() => world.api.urls.feedUrl, name, token, 3600, incarnation).catchUp();
  const reporter = new ReporterDouble(() => world.api.urls.feedUrl, { name, token, incarnation });
  await reporter.tell(
    [...ACCOUNTS, "nobody"].map(account => ({ account, reason: "link-id-mismatch", link: 5000000001 })),
  );
  const [owner, reader, stranger] = [newPerson("Owner"), newPerson("Reader"), newPerson("Stranger")];
  const engineer = { ...newPerson("Engineer"), roles: ["PlatformEngineer"] };
  for (const account of ACCOUNTS) world.azure.assign(owner.oid, accountPath(account), DATA_ADMIN);
  world.azure.assign(reader.oid, accountPath(ACCOUNTS[0]), READER);
  const { entra } = world;
  const lasting = { expires: 24 * 3600 };
  const [good = "", claims = ""] = (await entra.person(owner, lasting)).split(".");
  return new Map<CallerName, string | undefined>([
    ["owner", await entra.person(owner, lasting)],
    ["reader", await entra.person(reader, lasting)],
    ["stranger", await entra.person(stranger, lasting)],
    ["engineer", await entra.person(engineer, lasting)],
    ["application", await entra.application([], lasting)],
    ["engineering application", await entra.application(["PlatformEngineer"], lasting)],
    ["nobody, without a token", undefined],
    ["nobody, with a forged token", `${good}.${claims}.AAAA`],
  ]);
}

/** Nearly every request needs a connection; one that is there already is left as it is. */
async function renewConnections({ api }: World): Promise<void> {
  for (const [index, account] of ACCOUNTS.entries()) {
    for (const [number, name] of CONNECTIONS.entries()) {
      const body = proxyBody(`${name}-${SECRET}-${account}`, "manual", [500 + 10 * index + number]);
      const { status, text } = await api.nrp.put(proxyPath(account, name), body);
      if (![200, 201, 409].includes(status)) throw new Error(`PUT ${name}: ${status} ${text}`);
    }
  }
}

async function check(
  world: World,
  tokens: ReadonlyMap<CallerName, string | undefined>,
  made: AdminRequest,
): Promise<number> {
  const token = tokens.get(made.caller);
  const answer = await world.agent.request({
    origin: world.api.urls.adminUrl,
    path: made.path,
    method: made.method as Dispatcher.HttpMethod,
    headers: { ...made.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body: made.body ?? null,
  });
  const { statusCode: status, headers } = answer;
  const type = String(headers["content-type"] ?? "");
  // It would go on for as long as the token lives.
  if (type.startsWith("text/event-stream")) answer.body.destroy();
  const text = answer.body.destroyed ? "" : await answer.body.text();
  const object = objector(made, status, text);
  checkAnswer(made, status, text, object);
  if (headers["x-correlation-id"] === undefined || headers["cache-control"] !== "no-store")
    object("a header is missing");
  if (headers["set-cookie"] !== undefined || headers["access-control-allow-origin"] !== undefined)
    object("a header too much");
  checkSecrecy(made, status, text, object);
  if (type.startsWith("application/json") && (status >= 400 || made.method === made.operation.method)) {
    const problem = made.operation.validateResponse(status, JSON.parse(text));
    if (problem !== undefined) object(`not in the contract: ${problem.target}: ${problem.message}`);
  }
  if (status >= 400 && !type.startsWith("application/json")) object("an error that is no JSON");
  return status;
}

/** Who of the callers may know of which accounts. */
const KNOWS: Readonly<Record<CallerName, readonly string[]>> = {
  owner: ACCOUNTS,
  reader: ACCOUNTS.slice(0, 1),
  stranger: [],
  engineer: [],
  application: [],
  "engineering application": [],
  "nobody, without a token": [],
  "nobody, with a forged token": [],
};

function checkSecrecy(made: AdminRequest, status: number, text: string, object: Objector): void {
  if (made.caller.startsWith("nobody") && status < 400) object("an answer for nobody");
  const isForEngineers = /^(Gates|Registry)_/.test(made.operation.id) && made.caller.includes("engineer");
  if (isForEngineers) return;
  const told = withoutEcho(text, made);
  for (const account of ACCOUNTS) {
    if (KNOWS[made.caller].includes(account)) continue;
    if (told.includes(`${SECRET}-${account}`) || told.includes(`services/${account}`))
      object("an answer that tells of another's");
  }
  if (made.caller === "application" && status < 400) object("an answer for an application without a role");
}
