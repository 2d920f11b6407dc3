import { type Json, type JsonObject, listSchemaRefs } from "./openapi.ts";

type Schemas = Readonly<Record<string, JsonObject>>;

/**
 * The schemas that a request is held to. A read-only member may say anything there: clients send back whole documents
 * that they have read, and ARM wants that tolerated (ARM RPC; a `provisioningState` is compared by the handler).
 */
export function toRequestSchemas(schemas: Schemas): Schemas {
  return mapSchemas(schemas, (_name, schema) => loosen(schema) as JsonObject);
}

/**
 * The schemas that an answer is held to. A member that is not described is a mistake there, unless the description
 * says that there are others.
 */
export function toResponseSchemas(schemas: Schemas): Schemas {
  const bases = new Set(Object.values(schemas).flatMap(schema => listSchemaRefs(schema.allOf)));
  return mapSchemas(schemas, (name, schema) => seal(schema, bases.has(name)) as JsonObject);
}

function mapSchemas(schemas: Schemas, change: (name: string, schema: JsonObject) => JsonObject): Schemas {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, change(name, schema)]));
}

function loosen(value: Json): Json {
  if (Array.isArray(value)) return value.map(loosen);
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, loosen(member)]));
  if (!isObject(value.properties) || !isObject(copy.properties)) return copy;
  const readOnly = Object.entries(value.properties).filter(
    ([, member]) => isObject(member) && member.readOnly === true,
  );
  for (const [name] of readOnly) copy.properties[name] = {};
  if (Array.isArray(value.required)) {
    const names = new Set<Json>(readOnly.map(([name]) => name));
    copy.required = value.required.filter(name => !names.has(name));
  }
  return copy;
}

function seal(value: Json, isBase = false): Json {
  if (Array.isArray(value)) return value.map(member => seal(member));
  if (!isObject(value)) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, seal(member)]));
  const open = isBase || !isObject(value.properties) || "unevaluatedProperties" in value;
  return open ? copy : { ...copy, unevaluatedProperties: false };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
