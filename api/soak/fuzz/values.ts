import fc from "fast-check";

/** JSON Schema, as far as the generated documents go. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly unevaluatedProperties?: Schema;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
}

export type Schemas = Readonly<Record<string, Schema>>;

/** Documents that a schema allows, members that the server owns among them: a client may send back what it was sent. */
export function arbitraryOf(schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> {
  const { $ref, allOf, anyOf, ...own } = schema;
  if ($ref !== undefined) return arbitraryOf(schemas[$ref.replace("#/components/schemas/", "")] ?? {}, schemas);
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(one => arbitraryOf(one, schemas)));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case "object": {
      const parts = [...(allOf ?? []).map(one => resolve(one, schemas)), own];
      const members = Object.assign({}, ...parts.map(({ properties }) => properties)) as Record<string, Schema>;
      const required = new Set(parts.flatMap(part => part.required ?? []));
      const model = Object.fromEntries(
        Object.entries(members).map(([name, member]) => [
          name,
          required.has(name)
            ? arbitraryOf(member, schemas)
            : fc.option(arbitraryOf(member, schemas), { nil: undefined, freq: 3 }),
        ]),
      );
      return fc.record(model);
    }
    case "array":
      return fc.array(arbitraryOf(schema.items ?? {}, schemas), { maxLength: Math.min(3, schema.maxItems ?? 3) });
    case "integer":
    case "number":
      return fc.integer({ min: schema.minimum ?? -(2 ** 31), max: schema.maximum ?? 2 ** 31 - 1 });
    case "boolean":
      return fc.boolean();
    case "string":
      return textOf(schema);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function resolve(schema: Schema, schemas: Schemas): Schema {
  const target = schema.$ref === undefined ? schema : (schemas[schema.$ref.replace("#/components/schemas/", "")] ?? {});
  const parts = (target.allOf ?? []).map(one => resolve(one, schemas));
  return { ...target, properties: Object.assign({}, ...parts.map(part => part.properties), target.properties) };
}

function textOf({ format, pattern, minLength = 0, maxLength = 100 }: Schema): fc.Arbitrary<string> {
  if (format === "date-time") return fc.date({ noInvalidDate: true }).map(date => date.toISOString());
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern)).map(text => text.slice(0, maxLength));
  return fc.string({ minLength, maxLength: Math.min(maxLength, 40) });
}

/** What no document allows, and what allows too much. */
export const nastyValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1e308, 2 ** 53, "", [], {}, [[]], [null], { "": "" }),
  fc.constantFrom(
    ...[
      "\0",
      "\ud800",
      "\u202e",
      "e\u0301",
      "\ufeff",
      "💥",
      "ﬃ",
      "İ",
      "\r\nx-injected: 1",
      "'; drop table accounts; --",
    ],
    ...["../..", "%00", "%2e%2e%2f", "{{7*7}}", "<script>", "__proto__", "constructor", "NaN", "1e9", "4294967296"],
  ),
  fc.integer({ min: 1, max: 5 }).map(power => "x".repeat(10 ** power)),
  fc.integer({ min: 1, max: 3 }).map(power => Array.from({ length: 10 ** power }, () => ({}))),
  fc.integer({ min: 1, max: 200 }).map(depth => nest(depth)),
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.jsonValue({ maxDepth: 3 }),
  fc.constant(JSON.parse('{"__proto__": {"isAdmin": true}, "constructor": {"prototype": {"isAdmin": true}}}')),
);

function nest(depth: number): unknown {
  let value: unknown = "deep";
  for (let n = 0; n < depth; n++) value = n % 2 === 0 ? { value } : [value];
  return value;
}

/** A document with some of its members, at any depth, replaced, taken away or joined by others. */
export const spoilt = (document: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .tuple(
      document,
      fc.array(fc.tuple(fc.nat(), fc.constantFrom("replace", "remove", "add"), nastyValue), { maxLength: 3 }),
    )
    .map(([value, changes]) => changes.reduce((changed, change) => spoil(changed, ...change), value));

function spoil(document: unknown, place: number, how: string, value: unknown): unknown {
  const copy = structuredClone(document);
  const holders: { readonly holder: Record<string, unknown>; readonly name: string }[] = [];
  const walk = (holder: unknown): void => {
    if (typeof holder !== "object" || holder === null) return;
    for (const [name, member] of Object.entries(holder)) {
      holders.push({ holder: holder as Record<string, unknown>, name });
      walk(member);
    }
  };
  walk(copy);
  const chosen = holders[place % Math.max(1, holders.length)];
  if (chosen === undefined) return value;
  if (how === "remove") delete chosen.holder[chosen.name];
  else chosen.holder[how === "add" ? `${chosen.name}x` : chosen.name] = value;
  return copy;
}

/** The bytes of a document: nearly always its JSON, else something that is none. */
export const bytesOf = (document: fc.Arbitrary<unknown>): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 12, arbitrary: document.map(value => Buffer.from(JSON.stringify(value) ?? "null")) },
    { weight: 1, arbitrary: document.map(value => Buffer.from(JSON.stringify(value) ?? "null").subarray(0, -1)) },
    { weight: 1, arbitrary: document.map(value => Buffer.from(JSON.stringify(value) ?? "null", "utf16le")) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom("", "\ufeff{}", '{"a":1,"a":2}', "{}{}", "[".repeat(30_000), '"\\ud800"')
        .map(text => Buffer.from(text)),
    },
    {
      weight: 1,
      arbitrary: fc.constant(Buffer.concat([Buffer.from('{"kind":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])),
    },
  );
