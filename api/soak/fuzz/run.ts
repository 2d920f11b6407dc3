import fc from "fast-check";
import { Agent, type Dispatcher } from "undici";
import { ERROR_STATUS } from "../../src/arm/errors.ts";
import type { TestApi } from "../../test/support/api.ts";
import { NRP } from "../../test/support/api.ts";
import { ACCOUNT_BODY, accountPath, expectStatus, SUBSCRIPTION } from "../../test/support/documents.ts";
import { checkRegistry } from "../invariants.ts";
import { checkAnswer, checkLog, objector } from "./answers.ts";
import type { FuzzRequest } from "./pieces.ts";
import { KNOWN_ACCOUNTS, KNOWN_GROUP, requests } from "./requests.ts";

const MAX_CONNECTIONS = 5;
/** Milliseconds that an answer may take: no figure of the api's, but more than the busiest machine takes. */
const PATIENCE = 120_000;
/** Requests after which deleted accounts are made again. */
const RENEWAL = 20;

export interface FuzzOptions {
  readonly seed: number;
  /** Requests. */
  readonly runs: number;
}

/** What was answered, by operation and status. */
export type FuzzCounts = Readonly<Record<string, number>>;

/**
 * Sends requests made from the contract's documents, and throws, with the request, when an answer is a 5xx, is not what
 * the contract allows, says what went on inside, or lacks its request id; or when the registry breaks a rule afterwards.
 */
export async function fuzz(api: TestApi, { seed, runs }: FuzzOptions): Promise<FuzzCounts> {
  const agent = new Agent({
    headersTimeout: PATIENCE,
    bodyTimeout: PATIENCE,
    connect: { ca: api.serverCertificate, ...api.armCertificate },
  });
  const counts: Record<string, number> = {};
  let sent = 0;
  const property = fc.asyncProperty(requests(NRP), async made => {
    if (sent++ % RENEWAL === 0) await renewAccounts(api);
    const status = await check(api.urls.armUrl, agent, made);
    const what = `${made.operation.id} ${status}`;
    counts[what] = (counts[what] ?? 0) + 1;
  });
  try {
    await fc.assert(property, { seed, numRuns: runs });
    const broken = await checkRegistry(api.databaseUrl, MAX_CONNECTIONS);
    if (broken.length > 0) throw new Error(broken.join("\n"));
    checkLog(api.logged);
    await checkLife(api);
  } finally {
    await agent.close();
  }
  return counts;
}

async function check(origin: string, agent: Agent, made: FuzzRequest): Promise<number> {
  const answer = await agent.request({
    origin,
    path: made.path,
    method: made.method as Dispatcher.HttpMethod,
    headers: made.headers,
    body: made.body ?? null,
  });
  const text = await answer.body.text();
  const { statusCode: status } = answer;
  const object = objector(made, status, text);
  checkAnswer(made, status, text, object);
  if (answer.headers["x-ms-request-id"] === undefined) object("the answer has no request id");
  if (status >= 400) checkError(status, text, object);
  else if (made.method === made.operation.method) {
    const problem = made.operation.validateResponse(status, text === "" ? undefined : JSON.parse(text));
    if (problem !== undefined) object(`not in the contract: ${problem.target}: ${problem.message}`);
  }
  return status;
}

function checkError(status: number, text: string, object: (problem: string) => never): void {
  const { error } = JSON.parse(text) as { error?: { code?: keyof typeof ERROR_STATUS; message?: unknown } };
  if (error?.code === undefined || ERROR_STATUS[error.code] !== status)
    object("the code of the error is unknown or of another status");
  if (typeof error?.message !== "string" || error.message === "") object("the error says nothing");
}

/** Nearly every request needs an account; one that is being deleted, or lies elsewhere now, is left alone. */
async function renewAccounts(api: TestApi): Promise<void> {
  for (const name of KNOWN_ACCOUNTS) {
    const { status, text } = await api.customer.put(accountPath(name, SUBSCRIPTION, KNOWN_GROUP), ACCOUNT_BODY);
    if (![200, 201, 409].includes(status)) throw new Error(`PUT ${name}: ${status} ${text}`);
  }
}

/** After all this it still does its work. */
async function checkLife(api: TestApi): Promise<void> {
  const path = accountPath("after-all");
  expectStatus(await api.customer.put(path, ACCOUNT_BODY), 201);
  const gate = api.gate();
  await gate.sweep();
  if (!gate.table.has("after-all")) throw new Error("a gate does not hear of a new account");
  await gate.sayGoodbye();
}
