/** JSON as it is read; documents are looked into member by member. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [name: string]: Json };

/** The parts of an OpenAPI 3.1 document that the contract reads. Its schemas are JSON Schema 2020-12. */
export interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonObject>>;
    readonly parameters?: Readonly<Record<string, JsonObject>>;
  };
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly parameters?: readonly JsonObject[];
  readonly requestBody?: { readonly required?: boolean; readonly content: OpenApiContent };
  /** By status, or `default`. */
  readonly responses: Readonly<Record<string, { readonly content?: OpenApiContent }>>;
}

export type OpenApiContent = Readonly<Record<string, { readonly schema: JsonObject }>>;

const SCHEMAS = "#/components/schemas/";

/** Names of the schemas that a value refers to, itself or in its members. */
export function listSchemaRefs(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const own = "$ref" in value && typeof value.$ref === "string" && value.$ref.startsWith(SCHEMAS) ? [value.$ref] : [];
  return [...own.map(ref => ref.slice(SCHEMAS.length)), ...Object.values(value).flatMap(listSchemaRefs)];
}

/** Names of the schemas that a value needs, with those that these need in turn. */
export function reachSchemas(value: unknown, schemas: OpenApi["components"]["schemas"]): Set<string> {
  const reached = new Set<string>();
  const open = listSchemaRefs(value);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    open.push(...listSchemaRefs(schemas[name]));
  }
  return reached;
}

/** The JSON schema of a body, if it has one. */
export function jsonSchemaOf(content: OpenApiContent | undefined): JsonObject | undefined {
  return content?.["application/json"]?.schema;
}
