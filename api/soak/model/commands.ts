import fc from "fast-check";
import type { TestApi } from "../../test/support/api.ts";
import type { Answer, ArmClient } from "../../test/support/client.ts";
import { ACCOUNT_BODY, accountPath, decisionBody, proxyBody, SUBSCRIPTION } from "../../test/support/documents.ts";
import type { TestGate } from "../../test/support/gate.ts";
import { until } from "../../test/support/until.ts";
import type { Expected, IfMatch, Kind, Model, ModelConnection, Status } from "./model.ts";

/** The api of a run, with a gate that hears of changes when a command says so, and names that no other run has. */
export interface Real {
  readonly api: TestApi;
  readonly gate: TestGate;
  /** Prefix of this run's accounts, and its resource group. */
  readonly run: string;
  /** Added to every link id. */
  readonly links: number;
  /** URLs of the operations that run. */
  readonly operations: Set<string>;
}

const ACCOUNTS = ["one", "two"] as const;
const PROXIES = ["pe1.a", "pe2.b", "pe3.c"] as const;
const callers = ["nrp", "customer", "anonymous"] as const;

/** One call, with all that it depends on; or the gate hears of everything. */
type Step = { readonly account: (typeof ACCOUNTS)[number]; readonly caller: (typeof callers)[number] } & (
  | { readonly call: "put account"; readonly access: "Enabled" | "Disabled" | undefined; readonly match: IfMatch }
  | { readonly call: "patch account"; readonly access: "Enabled" | "Disabled"; readonly match: IfMatch }
  | { readonly call: "delete account"; readonly match: IfMatch }
  | { readonly call: "validate" | "delete connection" | "delete proxy"; readonly proxy: string }
  | { readonly call: "put proxy"; readonly proxy: string; readonly kind: Kind; readonly links: readonly number[] }
  | { readonly call: "decide"; readonly proxy: string; readonly status: Status }
  | { readonly call: "read" | "hear" }
);

const common = {
  account: fc.constantFrom(...ACCOUNTS),
  // Mostly the right one, or hardly anything would happen.
  caller: fc.oneof({ arbitrary: fc.constant("nrp" as const), weight: 12 }, fc.constantFrom(...callers)),
};
const proxy = fc.constantFrom(...PROXIES);
const access = fc.constantFrom("Enabled" as const, "Disabled" as const);
const match = fc.oneof(
  { arbitrary: fc.constant("none" as const), weight: 6 },
  fc.constantFrom("any" as const, "wrong" as const),
);
const links = fc.oneof(
  { arbitrary: fc.subarray([1, 2, 3, 4], { minLength: 1, maxLength: 2 }), weight: 5 },
  fc.constant([]),
);

const weighted: readonly (readonly [number, fc.Arbitrary<Step>])[] = [
  [3, fc.record({ ...common, call: fc.constant("put account"), access: fc.option(access, { nil: undefined }), match })],
  [1, fc.record({ ...common, call: fc.constant("patch account"), access, match })],
  [1, fc.record({ ...common, call: fc.constant("delete account"), match })],
  [1, fc.record({ ...common, call: fc.constant("validate"), proxy })],
  [6, fc.record({ ...common, call: fc.constant("put proxy"), proxy, kind: fc.constantFrom("manual", "auto"), links })],
  [
    5,
    fc.record({
      ...common,
      call: fc.constant("decide"),
      proxy,
      status: fc.constantFrom("Pending", "Approved", "Rejected", "Disconnected"),
    }),
  ],
  [2, fc.record({ ...common, call: fc.constantFrom("delete connection", "delete proxy"), proxy })],
  [1, fc.record({ ...common, call: fc.constant("read") })],
  [2, fc.record({ ...common, call: fc.constant("hear") })],
];

/** Sequences of calls by right and wrong callers; each checks its answer, and now and then everything is read. */
export const commands = (maxCommands: number) =>
  fc.commands(
    [fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary }))).map(step => new Command(step))],
    { maxCommands },
  );

class Command implements fc.AsyncCommand<Model, Real> {
  readonly #step: Step;

  constructor(step: Step) {
    this.#step = step;
  }

  check(): boolean {
    return true;
  }

  toString(): string {
    return JSON.stringify(this.#step);
  }

  async run(model: Model, real: Real): Promise<void> {
    switch (this.#step.call) {
      case "read":
        return await readAll(model, real);
      case "hear":
        return await hearAll(model, real);
      default:
        return await checkCall(this.#step, model, real);
    }
  }
}

const nameOf = (real: Real, account: string): string => `${real.run}-${account}`;
const pathOf = (real: Real, account: string): string => accountPath(nameOf(real, account), SUBSCRIPTION, real.run);

/** Only NRP may; everybody else is told so before anything else is looked at (design 5 "order of checks"). */
const NRP_ONLY: readonly Step["call"][] = ["validate", "put proxy", "decide", "delete connection", "delete proxy"];

async function checkCall(step: Step, model: Model, real: Real): Promise<void> {
  const isWrong = NRP_ONLY.includes(step.call) && step.caller !== "nrp";
  const expected = isWrong ? { status: 409, code: "Conflict" } : predict(step, model, real);
  const answer = await send(step, real, real.api[step.caller]);
  compare(answer, expected);
  const url = answer.headers["azure-asyncoperation"];
  if ((url !== undefined) !== (expected.runs === true)) throw new Error(`operation: ${url}, wanted ${expected.runs}`);
  if (url === undefined) return;
  real.operations.add(url);
  const operation = await real.api.customer.get(url);
  if (operation.body?.status !== "Running")
    throw new Error(`an operation that the gate has not heard of: ${operation.text}`);
}

function predict(step: Step, model: Model, real: Real): Expected {
  const name = nameOf(real, step.account);
  switch (step.call) {
    case "put account":
      return model.putAccount(name, step.access, step.match);
    case "patch account":
      return model.patchAccount(name, step.access, step.match);
    case "delete account":
      return model.deleteAccount(name, step.match);
    case "validate":
      return model.validate(name, step.proxy);
    case "put proxy":
      return model.putProxy(name, step.proxy, step.kind, shift(step.links, real));
    case "decide":
      return model.decide(name, step.proxy, step.status);
    case "delete connection":
    case "delete proxy":
      return model.delete(name, step.proxy);
    case "read":
    case "hear":
      throw new Error("no call");
  }
}

function send(step: Step, real: Real, client: ArmClient): Promise<Answer> {
  const path = pathOf(real, step.account);
  switch (step.call) {
    case "put account": {
      const properties = step.access === undefined ? {} : { properties: { publicNetworkAccess: step.access } };
      return client.put(path, { ...ACCOUNT_BODY, ...properties }, headersOf(step.match));
    }
    case "patch account":
      return client.patch(path, { properties: { publicNetworkAccess: step.access } }, headersOf(step.match));
    case "delete account":
      return client.delete(path, headersOf(step.match));
    case "validate":
      return client.post(
        `${path}/privateEndpointConnectionProxies/${step.proxy}/validate`,
        proxyBody(step.proxy, "manual"),
      );
    case "put proxy":
      return client.put(
        `${path}/privateEndpointConnectionProxies/${step.proxy}`,
        proxyBody(step.proxy, step.kind, shift(step.links, real)),
      );
    case "decide":
      return client.put(`${path}/privateEndpointConnections/${step.proxy}`, decisionBody(step.status));
    case "delete connection":
      return client.delete(`${path}/privateEndpointConnections/${step.proxy}`);
    case "delete proxy":
      return client.delete(`${path}/privateEndpointConnectionProxies/${step.proxy}`);
    case "read":
    case "hear":
      throw new Error("no call");
  }
}

const shift = (ids: readonly number[], real: Real): number[] => ids.map(id => id + real.links);

const headersOf = (match: IfMatch) => ({
  headers: match === "none" ? {} : { "if-match": match === "any" ? "*" : '"another"' },
});

function compare(answer: Answer, { status, code }: Expected): void {
  const isRight = answer.status === status && answer.body?.error?.code === code;
  if (!isRight) throw new Error(`wanted ${status} ${code ?? ""}, got ${answer.status}: ${answer.text}`);
}

/** Everything that can be read is what the model has, for whoever may read it. */
async function readAll(model: Model, real: Real): Promise<void> {
  for (const account of ACCOUNTS) {
    const path = pathOf(real, account);
    const known = model.accounts.get(nameOf(real, account));
    const answer = await real.api.customer.get(path);
    compare(answer, known === undefined ? { status: 404, code: "ResourceNotFound" } : { status: 200 });
    if (known === undefined) continue;
    const { provisioningState, publicNetworkAccess, privateEndpointConnections } = answer.body.properties;
    expectSame(
      "account",
      [provisioningState, publicNetworkAccess],
      [known.isDeleting ? "Deleting" : "Succeeded", known.access],
    );
    const wanted = [...known.connections].map(([name, connection]) => `${name} ${describe(connection)}`).sort();
    expectSame("connections of the account", read(privateEndpointConnections), wanted);
    const list = await real.api.anonymous.get(`${path}/privateEndpointConnections`);
    expectSame("connections", read(list.body.value), wanted);
    const proxies = await real.api.nrp.get(`${path}/privateEndpointConnectionProxies`);
    expectSame("proxies", proxies.body.value.map(readProxy).sort(), [...known.connections].map(describeProxy).sort());
    compare(await real.api.customer.get(`${path}/privateEndpointConnectionProxies`), { status: 409, code: "Conflict" });
    for (const name of PROXIES) {
      const expected = known.connections.has(name) ? { status: 200 } : { status: 404, code: "ResourceNotFound" };
      compare(await real.api.customer.get(`${path}/privateEndpointConnections/${name}`), expected);
      compare(await real.api.nrp.get(`${path}/privateEndpointConnectionProxies/${name}`), expected);
    }
  }
}

const provisioning = ({ status, runs }: ModelConnection): string =>
  status === "Disconnected" ? "Deleting" : runs ? "Updating" : "Succeeded";
const describe = (connection: ModelConnection): string => `${connection.status} ${provisioning(connection)}`;
const describeProxy = ([name, connection]: readonly [string, ModelConnection]): string =>
  `${name} ${describe(connection)} ${connection.links} ${connection.status === "Approved" ? 1 : 0}`;

interface ConnectionBody {
  readonly name: string;
  readonly properties: {
    readonly provisioningState: string;
    readonly privateLinkServiceConnectionState: { readonly status: string };
  };
}

const read = (connections: readonly ConnectionBody[]): string[] =>
  connections
    .map(
      ({ name, properties }) =>
        `${name} ${properties.privateLinkServiceConnectionState.status} ${properties.provisioningState}`,
    )
    .sort();

interface ProxyBody {
  readonly name: string;
  readonly status: string;
  readonly properties: { readonly provisioningState: string };
  readonly remotePrivateEndpoint: {
    readonly connectionDetails: readonly { readonly linkIdentifier: string }[];
    readonly privateLinkServiceProxies: readonly { readonly groupConnectivityInformation: readonly object[] }[];
  };
}

const readProxy = ({ name, status, properties, remotePrivateEndpoint }: ProxyBody): string => {
  const ids = remotePrivateEndpoint.connectionDetails.map(({ linkIdentifier }) => linkIdentifier);
  const hosts = remotePrivateEndpoint.privateLinkServiceProxies[0]?.groupConnectivityInformation.length;
  return `${name} ${status} ${properties.provisioningState} ${ids} ${hosts}`;
};

/** The gate takes over all changes and says so: what runs ends, and the gate has what the model says. */
export async function hearAll(model: Model, real: Real): Promise<void> {
  await real.gate.catchUp();
  model.settle();
  for (const url of real.operations) {
    await until("an operation to end", async () => (await real.api.customer.get(url)).body?.status === "Succeeded");
  }
  real.operations.clear();
  await real.gate.catchUp();
  for (const account of ACCOUNTS) {
    const name = nameOf(real, account);
    expectSame(`the gate's record of ${name}`, real.gate.table.get(name), model.record(name));
  }
}

function expectSame(what: string, found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
  }
}
