import fc from "fast-check";
import { contract, type Operation } from "../../src/contract/contract.ts";
import {
  bodiesOf,
  type Described,
  type FuzzRequest,
  headerText,
  readDescribed,
  segment,
  sometimes,
  withoutNothing,
} from "../fuzz/pieces.ts";
import { arbitraryOf, nastyValue, type Schema, type Schemas } from "../fuzz/values.ts";

/** Who may ask: with rights, some rights or none; and who is nobody to this api. */
export const CALLERS = {
  owner: 12,
  reader: 6,
  stranger: 6,
  engineer: 6,
  application: 1,
  "engineering application": 3,
  "nobody, without a token": 1,
  "nobody, with a forged token": 1,
} as const;
export type CallerName = keyof typeof CALLERS;

/** A request to the admin API, and in whose name it is sent. */
export interface AdminRequest extends FuzzRequest {
  readonly caller: CallerName;
}

/** Accounts that are there at the start; the reader reads the first one alone. */
export const ACCOUNTS = ["fuzz-a", "fuzz-b"] as const;
/** Connections that are there now and then. */
export const CONNECTIONS = ["pe1.g", "PE2.g"] as const;
/** The gate that is there at the start, and one that never was. */
export const INCARNATIONS = ["a".repeat(32), "b".repeat(32)] as const;

/** What names something that may be there. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  account: ACCOUNTS,
  name: CONNECTIONS,
  connection: CONNECTIONS,
  incarnation: INCARNATIONS,
  search: ["fuzz", "pe", "PE1", "5000000001"],
  reason: ["link-id-mismatch"],
  cursor: [Buffer.from('["x","1","a","b"]').toString("base64url"), "e30", "bnVsbA"],
};

/** Decisions that something comes of. */
const RIGHT: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  Decisions_Make: fc.record({
    action: fc.constantFrom("approve", "reject", "remove"),
    comment: fc.constantFrom("because", "=1+1", "<b>why</b>"),
    connections: fc.array(fc.record({ account: fc.constantFrom(...ACCOUNTS), name: fc.constantFrom(...CONNECTIONS) }), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
};

/** Requests for every operation of the admin API: right ones, and what can be made of them. */
export function adminRequests(): fc.Arbitrary<AdminRequest> {
  const all = readDescribed("admin").map(described => {
    const made = bodiesOf(described, RIGHT[described.operationId]);
    return { weight: made === undefined ? 2 : 4, arbitrary: request(described, made) };
  });
  return fc.oneof(...all);
}

const callers = fc.oneof(
  ...Object.entries(CALLERS).map(([name, weight]) => ({ weight, arbitrary: fc.constant(name as CallerName) })),
);

const headers = fc
  .record({
    "content-type": fc.oneof(
      { weight: 12, arbitrary: fc.constant("application/json") },
      fc.constantFrom("text/plain", "application/x-www-form-urlencoded"),
      headerText,
    ),
    origin: sometimes(6, fc.oneof(fc.webUrl(), headerText)),
    cookie: sometimes(8, headerText),
    "x-correlation-id": sometimes(6, headerText),
    "x-forwarded-for": sometimes(8, headerText),
    "content-encoding": sometimes(30, fc.constantFrom("gzip", "br")),
  })
  .map(withoutNothing);

function request(
  { operationId, method, path, parameters = [], schemas }: Described,
  body: fc.Arbitrary<Buffer> | undefined,
): fc.Arbitrary<AdminRequest> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  const queries = parameters.filter(parameter => parameter.in === "query" || parameter.name === undefined);
  return fc
    .record({
      caller: callers,
      segments: fc.tuple(...names.map(name => segment(KNOWN[name] ?? ["unknown"]))),
      query: queryOf(queries, schemas),
      headers,
      body: body ?? fc.constant(undefined),
      method: fc.oneof(
        { weight: 30, arbitrary: fc.constant(method) },
        fc.constantFrom("GET", "PUT", "POST", "DELETE", "OPTIONS"),
      ),
    })
    .map(({ segments, query, headers: { "content-type": type = "", ...others }, ...made }) => ({
      ...made,
      headers: made.body === undefined ? others : { ...others, "content-type": type },
      operation: contract.operation(operationId as Operation["id"]),
      path: `${names.reduce((filled, name, n) => filled.replace(`{${name}}`, () => segments[n] ?? ""), path)}?${query}`,
      body: ["GET", "OPTIONS", "DELETE"].includes(made.method) ? undefined : made.body,
    }));
}

/** Some of the parameters, most with a value that they may have; now and then one twice, or one that is none. */
function queryOf(parameters: readonly { name?: string; schema?: Schema }[], schemas: Schemas): fc.Arbitrary<string> {
  const pairs = parameters.flatMap(({ name, schema }) => {
    if (name === undefined || schema === undefined) return [];
    const good = arbitraryOf(schema.type === "array" ? (schema.items ?? {}) : schema, schemas);
    const known = KNOWN[name] === undefined ? good : fc.constantFrom(...KNOWN[name]);
    const value = fc.oneof(
      { weight: 8, arbitrary: known },
      { weight: 4, arbitrary: good },
      { weight: 1, arbitrary: nastyValue.map(nasty => String(JSON.stringify(nasty)).slice(0, 3000)) },
    );
    return [value.map(made => `${name}=${encodeURIComponent(String(made).toWellFormed())}`)];
  });
  const stray = fc.constantFrom("x=1", "__proto__=1", "limit[]=1", "cursor=%00", "account=%ff", "=", "a=%zz");
  const some = pairs.map(pair => sometimes(4, pair));
  const twice = fc.oneof(...pairs, stray);
  return fc
    .tuple(fc.tuple(...some), sometimes(12, twice))
    .map(([made, more]) => [...made, more].filter(part => part !== undefined).join("&"));
}
