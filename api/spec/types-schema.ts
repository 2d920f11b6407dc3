import { type JsonObject, jsonSchemaOf, type OpenApi, reachSchemas } from "../src/contract/openapi.ts";
import { toRequestSchemas } from "../src/contract/schemas.ts";

/**
 * One JSON schema from which TypeScript types are made: per operation the `body` that it takes and its `answers` by
 * status. A schema that means less in a request, because it has read-only members, is there a second time as `...Body`.
 */
export function typesSchema(documents: readonly OpenApi[]): JsonObject {
  const definitions: JsonObject = {};
  const operations: JsonObject = {};
  for (const { paths, components } of documents) {
    const requests = toRequestSchemas(components.schemas);
    const differs = (name: string): boolean => {
      const needed = [name, ...reachSchemas(components.schemas[name], components.schemas)];
      return needed.some(each => JSON.stringify(components.schemas[each]).includes('"readOnly":true'));
    };
    const nameRequest = (name: string): string => (differs(name) ? `${shorten(name)}Body` : shorten(name));
    for (const [name, schema] of Object.entries(components.schemas)) define(shorten(name), rewrite(schema, shorten));
    for (const { requestBody, responses, operationId } of Object.values(paths).flatMap(
      Object.values<OpenApi["paths"][string][string]>,
    )) {
      const body = jsonSchemaOf(requestBody?.content);
      for (const name of reachSchemas(body, components.schemas)) {
        const schema = requests[name];
        if (schema !== undefined) define(nameRequest(name), rewrite(schema, nameRequest));
      }
      const answers = Object.entries(responses).flatMap(([status, { content }]) => {
        const schema = jsonSchemaOf(content);
        return schema === undefined || status === "default" ? [] : [[status, rewrite(schema, shorten)] as const];
      });
      operations[operationId] = closed({
        ...(body === undefined ? {} : { body: rewrite(body, nameRequest) }),
        answers: closed(Object.fromEntries(answers)),
      });
    }
  }
  return { ...closed(operations), title: "Operations", definitions };

  function define(name: string, schema: JsonObject): void {
    const existing = definitions[name];
    if (existing !== undefined && JSON.stringify(existing) !== JSON.stringify(schema)) {
      throw new Error(`two services describe ${name} differently`);
    }
    definitions[name] = schema;
  }
}

function closed(properties: JsonObject): JsonObject {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
}

/** In the words of the JSON Schema draft that the generator of types reads, and so that it names a type only once. */
function rewrite(schema: JsonObject, rename: (name: string) => string): JsonObject {
  return JSON.parse(JSON.stringify(schema), function (this: unknown, key: string, value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    if ("$ref" in value) return { $ref: `#/definitions/${rename(String(value.$ref).replace(/^.*\//, ""))}` };
    if (key === "properties") return value;
    const { title: _title, unevaluatedProperties: others, ...rest } = value as JsonObject;
    return others === undefined ? rest : { ...rest, additionalProperties: others };
  });
}

/** The last part of a name with a namespace. */
export function shorten(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}
