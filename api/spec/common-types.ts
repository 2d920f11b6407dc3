import type { Json, JsonObject, OpenApi } from "../src/contract/openapi.ts";
import { COMMON } from "./documents.ts";
import { shorten } from "./types-schema.ts";

/** Names that Azure's published file writes differently from the TypeSpec library. */
const PUBLISHED: Readonly<Record<string, string>> = { SystemData: "systemData" };

/**
 * The part of ARM's common types that the Swagger documents refer to, written from the same TypeSpec library and under
 * the name of Azure's own file, so that every reference resolves without a checkout of Azure's repository.
 *
 * @param swaggers texts of the documents
 * @param documents the OpenAPI documents as emitted, with all schemas
 * @throws Error when a document refers to a type that the library does not have
 */
export function writeCommonTypes(swaggers: readonly string[], documents: readonly OpenApi[]): JsonObject {
  const schemas = Object.assign({}, ...documents.map(document => document.components.schemas)) as Named;
  const named = Object.assign({}, ...documents.map(document => document.components.parameters)) as Named;
  const definitions: JsonObject = {};
  const parameters: JsonObject = {};
  for (const [, kind, name = ""] of swaggers.join().matchAll(/types\.json#\/(definitions|parameters)\/(\w+)/g)) {
    // Some are emitted under their friendly name.
    if (kind === "definitions") define(COMMON + name in schemas ? COMMON + name : name);
    else parameters[name] = toSwaggerParameter(find(named, COMMON + name));
  }
  return {
    swagger: "2.0",
    info: { title: "ARM's common types, as far as they are used", version: "3.0" },
    paths: {},
    definitions,
    parameters,
  };

  function define(name: string): void {
    const key = publishedName(name);
    if (key in definitions) return;
    // Tells ARM's tools what is a resource.
    const definition: JsonObject = key === "Resource" ? { "x-ms-azure-resource": true } : {};
    definitions[key] = definition;
    Object.assign(definition, toSwagger(find(schemas, name), key));
  }

  function toSwagger(value: Json, name: string): Json {
    if (Array.isArray(value)) return value.map(member => toSwagger(member, name));
    if (typeof value !== "object" || value === null) return value;
    if (typeof value.$ref === "string") return refer(value as JsonObject & { $ref: string });
    // A string of which some values are known.
    const known = Array.isArray(value.anyOf) ? value.anyOf.find(isEnum) : undefined;
    if (known !== undefined) {
      const { anyOf: _anyOf, ...rest } = value;
      return { ...rest, ...(known as JsonObject), "x-ms-enum": { name, modelAsString: true } };
    }
    const entries = Object.entries(value).map(([key, member]) => [
      key === "unevaluatedProperties" ? "additionalProperties" : key,
      toSwagger(member, name),
    ]);
    return Object.fromEntries(entries);
  }

  /** Swagger ignores what stands beside a reference, so a mere string is written out. */
  function refer({ $ref, ...beside }: JsonObject & { $ref: string }): JsonObject {
    const name = $ref.slice($ref.lastIndexOf("/") + 1);
    const target = find(schemas, name);
    if (target.type === "string" && !("enum" in target)) return { ...target, ...beside };
    define(name);
    return { $ref: `#/definitions/${publishedName(name)}`, ...beside };
  }
}

type Named = Readonly<Record<string, JsonObject>>;

function find(all: Named, name: string): JsonObject {
  const found = all[name];
  if (found === undefined) throw new Error(`there is no common type ${name}`);
  return found;
}

function isEnum(value: Json): boolean {
  return typeof value === "object" && value !== null && "enum" in value;
}

function publishedName(name: string): string {
  const short = shorten(name);
  return PUBLISHED[short] ?? short;
}

function toSwaggerParameter({ schema, explode: _explode, ...parameter }: JsonObject): JsonObject {
  const { enum: _versions, ...type } = schema as JsonObject;
  return { ...parameter, ...type, "x-ms-parameter-location": parameter.in === "query" ? "client" : "method" };
}
