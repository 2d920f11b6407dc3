import { isDeepStrictEqual } from "node:util";
import { type JsonObject, listSchemaRefs, type OpenApi, reachSchemas } from "../src/contract/openapi.ts";
import { shorten } from "./types-schema.ts";

const COMMON = "Azure.ResourceManager.CommonTypes.";

/**
 * One document for all api-versions of a service. They are answered alike, so their documents differ in nothing but the
 * version, and the one that stays lists them all.
 *
 * @throws Error when a version differs
 */
export function mergeVersions(documents: OpenApi[]): OpenApi {
  const sorted = documents.toSorted((a, b) => a.info.version.localeCompare(b.info.version));
  const newest = sorted.at(-1);
  if (newest === undefined) throw new Error("no OpenAPI document was emitted");
  for (const document of sorted) {
    if (!isDeepStrictEqual({ ...document, info: newest.info }, newest)) {
      throw new Error(`api-version ${document.info.version} differs from ${newest.info.version}`);
    }
  }
  const parameter = newest.components.parameters?.[`${COMMON}ApiVersionParameter`];
  if (parameter !== undefined) {
    parameter.schema = { type: "string", enum: sorted.map(document => document.info.version) };
  }
  return newest;
}

/** Without the schemas that nothing refers to: the emitter adds whatever derives from a common type. */
export function pruneSchemas(document: OpenApi): OpenApi {
  const { schemas } = document.components;
  const kept = reachSchemas([document.paths, document.components.parameters], schemas);
  const entries = Object.entries(schemas).filter(([name]) => kept.has(name));
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(entries) } };
}

/**
 * The part of ARM's common types that the Swagger documents refer to, written from the same TypeSpec library, so that
 * every reference resolves without a checkout of Azure's own repository.
 */
export function commonTypes(swaggers: string[], documents: OpenApi[]): JsonObject {
  const definitions: JsonObject = {};
  const parameters: JsonObject = {};
  const find = (kind: "schemas" | "parameters", name: string): JsonObject => {
    const found = documents.map(
      document => document.components[kind]?.[COMMON + name] ?? document.components[kind]?.[name],
    );
    const first = found.find(value => value !== undefined);
    if (first === undefined) throw new Error(`there is no common type ${name}`);
    return first;
  };
  const define = (name: string): void => {
    const key = shorten(name);
    if (key in definitions) return;
    const schema = find("schemas", name);
    const marker = key === "Resource" ? { "x-ms-azure-resource": true } : {};
    definitions[key] = { ...swaggerSchema(schema), ...marker };
    for (const ref of listSchemaRefs(schema)) define(ref);
  };
  for (const [, kind, name] of swaggers.join().matchAll(/types\.json#\/(definitions|parameters)\/(\w+)/g)) {
    if (name === undefined) continue;
    if (kind === "definitions") define(name);
    else parameters[name] = swaggerParameter(find("parameters", name));
  }
  return {
    swagger: "2.0",
    info: { title: "ARM's common types, as far as they are used", version: "3.0" },
    paths: {},
    definitions,
    parameters,
  };
}

function swaggerSchema(value: JsonObject): JsonObject {
  return JSON.parse(
    JSON.stringify(value)
      .replaceAll(/#\/components\/schemas\/([\w.]+)/g, (_all, name: string) => `#/definitions/${shorten(name)}`)
      .replaceAll('"unevaluatedProperties"', '"additionalProperties"'),
  );
}

function swaggerParameter({ schema, explode: _explode, ...parameter }: JsonObject): JsonObject {
  const { enum: _versions, ...type } = schema as JsonObject;
  return { ...parameter, ...type, "x-ms-parameter-location": parameter.in === "query" ? "client" : "method" };
}
