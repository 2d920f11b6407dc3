import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { Operation, Service } from "../../src/contract/contract.ts";
import { arbitraryOf, bytesOf, nastyValue, type Schema, type Schemas, spoilt } from "./values.ts";

/** One request of the fuzzer, ready to be sent. */
export interface FuzzRequest {
  readonly operation: Operation;
  readonly method: string;
  /** With its query; every octet may be there that a request line can carry. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

/** An operation as a generated document has it. */
export interface Described {
  readonly operationId: string;
  /** Upper case. */
  readonly method: string;
  readonly path: string;
  readonly parameters?: readonly { readonly name?: string; readonly in?: string; readonly schema?: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  /** What its schemas refer to. */
  readonly schemas: Schemas;
}

/** The operations of a service, from its generated document. */
export function readDescribed(service: Service): Described[] {
  const file = join(import.meta.dirname, `../../spec/generated/${service}/openapi.json`);
  const { paths, components } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Pick<Described, "operationId">>>>>;
    readonly components: { readonly schemas: Schemas };
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      ...described,
      ...{ method: method.toUpperCase(), path, schemas: components.schemas },
    })),
  );
}

/** Bodies of an operation, right ones and others; undefined where it takes none. @param right ones that do something */
export function bodiesOf({ requestBody, schemas }: Described, right?: fc.Arbitrary<unknown>) {
  const schema = Object.values(requestBody?.content ?? {})[0]?.schema;
  if (schema === undefined) return undefined;
  const document = arbitraryOf(schema, schemas);
  const good = right ?? document;
  return bytesOf(
    fc.oneof({ weight: 3, arbitrary: good }, document, { weight: 2, arbitrary: spoilt(good) }, spoilt(document)),
  );
}

/** Names that exist after a while, spelt in ways that a resource name can be, and cannot. */
export const segment = (known: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 50, arbitrary: fc.constantFrom(...known) },
    { weight: 1, arbitrary: fc.constantFrom(...known).map(name => name.toUpperCase()) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        ...[
          "pe1.5dc668b3-70e4-437f-b61c-a3c1e594be7a",
          "a.b.c",
          ".",
          "..",
          "...",
          "%2e",
          "%2e%2e",
          "a%2fb",
          "a%5cb",
          "a%252fb",
          "%00",
          "%",
        ],
        ...[
          "%zz",
          "a%0d%0ab",
          "%c3%28",
          "%e2%80%ae",
          "%F0%9F%92%A5",
          "a b".replace(" ", "%20"),
          "~",
          "*",
          "a;b",
          "a:b",
          "a,b",
          "__proto__",
        ],
        ...[
          "constructor",
          "x".repeat(90),
          "x".repeat(261),
          "x".repeat(4000),
          "xn--a",
          "ab--c",
          "-a",
          "a-",
          "0",
          "null",
        ],
      ),
    },
    { weight: 1, arbitrary: fc.string({ maxLength: 12 }).map(encodeURIComponent) },
    {
      weight: 1,
      arbitrary: fc.string({ unit: "binary", maxLength: 8 }).map(text => encodeURIComponent(text.toWellFormed())),
    },
  );

/** What a header can carry. */
export const headerText = fc
  .oneof(
    fc.string({ maxLength: 60 }),
    fc.constantFrom(
      "",
      "*",
      '"',
      '""',
      'W/"x"',
      "a,b",
      "x".repeat(3000),
      "%00",
      "{}",
      '{"createdBy":{}}',
      "https://[",
      "javascript:1",
      "//x",
    ),
    nastyValue.map(value => (JSON.stringify(value) ?? "").slice(0, 2000)),
  )
  .map(text => text.replace(/[^\x20-\x7e\x80-\xff]/g, "?").trim());

/** Once in `rarity` times; else nothing. */
export const sometimes = <T>(rarity: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 1, arbitrary }, { weight: rarity - 1, arbitrary: fc.constant(undefined) });

/** Without the members that have no value. */
export const withoutNothing = (all: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
