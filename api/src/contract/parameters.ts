import type { Json, JsonObject, OpenApi, OpenApiOperation } from "./openapi.ts";

/** What an operation takes beside its body: JSON schemas of objects, every parameter a member, nothing referred to. */
export interface Parameters {
  readonly path: JsonObject;
  readonly query: JsonObject;
}

/** Reads the parameters of an operation. Headers are the handlers' own. */
export function readParameters({ parameters = [] }: OpenApiOperation, components: OpenApi["components"]): Parameters {
  const resolved = parameters.map(parameter => follow(parameter, components));
  return { path: objectOf(resolved, "path", components), query: objectOf(resolved, "query", components) };
}

/**
 * What a parameter of the path must look like.
 *
 * @throws Error when the contract has no pattern for it
 */
export function patternOf({ path }: Parameters, name: string): RegExp {
  const pattern = (path.properties as Record<string, JsonObject>)[name]?.pattern;
  if (typeof pattern !== "string") throw new Error(`the contract has no pattern for ${name}`);
  return new RegExp(pattern);
}

function objectOf(parameters: readonly JsonObject[], place: string, components: OpenApi["components"]): JsonObject {
  const those = parameters.filter(parameter => parameter.in === place);
  const schemas = those.map(({ name, schema }) => [String(name), inline(schema ?? {}, components)] as const);
  const required = those.filter(parameter => parameter.required === true).map(parameter => String(parameter.name));
  return { type: "object", properties: Object.fromEntries(schemas), required };
}

function follow(parameter: JsonObject, components: OpenApi["components"]): JsonObject {
  const name = typeof parameter.$ref === "string" ? parameter.$ref.replace("#/components/parameters/", "") : undefined;
  return name === undefined ? parameter : (components.parameters?.[name] ?? {});
}

function inline(value: Json, components: OpenApi["components"]): Json {
  if (Array.isArray(value)) return value.map(member => inline(member, components));
  if (typeof value !== "object" || value === null) return value;
  const { $ref, ...own } = value;
  const base = typeof $ref === "string" ? components.schemas[$ref.replace("#/components/schemas/", "")] : undefined;
  const members = Object.entries({ ...base, ...own }).map(([name, member]) => [name, inline(member, components)]);
  return Object.fromEntries(members);
}
