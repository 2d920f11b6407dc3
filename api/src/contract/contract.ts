import { readFileSync } from "node:fs";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { Operations } from "../../spec/generated/types.ts";
import { type JsonObject, jsonSchemaOf, type OpenApi, type OpenApiOperation } from "./openapi.ts";
import { type Parameters, readParameters } from "./parameters.ts";
import { toRequestSchemas, toResponseSchemas } from "./schemas.ts";

export type { Operations };
export type OperationId = keyof Operations;

/** The services that the api answers, each with a document that is generated from `api/spec`. */
export type Service = "public" | "internal" | "lifecycle" | "admin";

/** The body that an operation takes, as checked by {@link Operation.validateBody}. */
export type BodyOf<Id extends OperationId> = Operations[Id] extends { body: infer Body } ? Body : never;

/** The body that an operation answers with, by default with 200. */
export type AnswerOf<Id extends OperationId, Status extends number = 200> = Operations[Id]["answers"][`${Status}` &
  keyof Operations[Id]["answers"]];

/** What is wrong with a body, in words for the caller. */
export interface Problem {
  /** Path of the member, its names joined by `/`; empty for the whole body. */
  readonly target: string;
  /** A sentence that names the member and what is wrong with it. */
  readonly message: string;
}

/** One operation of the contract. */
export interface Operation<Id extends OperationId = OperationId> {
  readonly id: Id;
  readonly service: Service;
  /** Upper case. */
  readonly method: string;
  /** The path as Fastify writes it, `/subscriptions/:subscriptionId/...`. */
  readonly route: string;
  /** What it takes in its path and its query. */
  readonly parameters: Parameters;
  /** Whether a value is a body that the operation takes. The first problem is the caller's to know. */
  validateBody(value: unknown): Problem | undefined;
  /**
   * Whether an answer is one that the contract allows.
   *
   * @param body undefined when the answer has none
   */
  validateResponse(status: number, body: unknown): Problem | undefined;
}

/** Every operation of the generated documents. */
export interface Contract {
  readonly operations: readonly Operation[];
  /** @throws Error for an id that no document has */
  operation<Id extends OperationId>(id: Id): Operation<Id>;
  /** The api-versions of Microsoft.HealthcareApis, ascending. */
  readonly apiVersions: readonly string[];
}

/** Reads the generated documents and compiles their schemas; once, when the module is loaded. */
function loadContract(): Contract {
  const documents = (["public", "internal", "lifecycle", "admin"] as const).map(service => ({
    service,
    document: read(service),
  }));
  const operations = documents.flatMap(({ service, document }) => readOperations(service, document));
  const byId = new Map(operations.map(operation => [operation.id, operation]));
  return {
    operations,
    operation<Id extends OperationId>(id: Id): Operation<Id> {
      const operation = byId.get(id);
      if (operation === undefined) throw new Error(`the contract has no operation ${id}`);
      return operation as Operation<Id>;
    },
    apiVersions: documents.flatMap(({ document }) => readApiVersions(document))[0] ?? [],
  };
}

function read(service: Service): OpenApi {
  return JSON.parse(readFileSync(`${import.meta.dirname}/../../spec/generated/${service}/openapi.json`, "utf8"));
}

function readApiVersions({ components }: OpenApi): string[][] {
  const schema = components.parameters?.["Azure.ResourceManager.CommonTypes.ApiVersionParameter"]?.schema;
  return schema !== undefined ? [(schema as { enum: string[] }).enum] : [];
}

function readOperations(service: Service, { paths, components }: OpenApi): Operation[] {
  const requests = compiler(toRequestSchemas(components.schemas));
  const responses = compiler(toResponseSchemas(components.schemas));
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, description]) => ({
      id: description.operationId as OperationId,
      service,
      method: method.toUpperCase(),
      route: path.replaceAll(/\{([^}]+)\}/g, ":$1"),
      parameters: readParameters(description, components),
      validateBody: bodyValidator(requests, description),
      validateResponse: responseValidator(responses, description),
    })),
  );
}

type Compile = (schema: JsonObject) => ValidateFunction;

/** Every schema is compiled with the components beside it, to which it refers. */
function compiler(schemas: Readonly<Record<string, JsonObject>>): Compile {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
  addFormats.default(ajv);
  ajv.addFormat("arm-id", /^\//);
  ajv.addVocabulary(["components", "discriminator", "example"]);
  return schema => ajv.compile({ ...schema, components: { schemas } });
}

function bodyValidator(compile: Compile, { requestBody }: OpenApiOperation): Operation["validateBody"] {
  const schema = jsonSchemaOf(requestBody?.content);
  if (schema === undefined) return () => undefined;
  const validate = compile(schema);
  return value => {
    if (value === undefined && requestBody?.required !== true) return undefined;
    return validate(value) ? undefined : describe(validate.errors, "The body");
  };
}

function responseValidator(compile: Compile, { responses }: OpenApiOperation): Operation["validateResponse"] {
  const validators = new Map<string, ValidateFunction | undefined>();
  for (const [status, { content }] of Object.entries(responses)) {
    const schema = jsonSchemaOf(content);
    validators.set(status, schema === undefined ? undefined : compile(schema));
  }
  return (status, body) => {
    // `default` is every error; a success that is not listed is a mistake.
    const key = status >= 400 && !validators.has(String(status)) ? "default" : String(status);
    if (!validators.has(key)) return { target: "", message: `The status ${status} is not in the contract.` };
    const validate = validators.get(key);
    if (validate === undefined) {
      return body === undefined
        ? undefined
        : { target: "", message: `The status ${status} has no body in the contract.` };
    }
    return validate(body) ? undefined : describe(validate.errors, "The answer");
  };
}

/** The first problem that Ajv found, as a sentence. */
function describe(errors: ErrorObject[] | null | undefined, whole: string): Problem {
  const error = errors?.[0];
  const target = (error?.instancePath ?? "").slice(1).split("/").map(unescapePointer).join("/");
  const member = target === "" ? whole : `'${target}'`;
  const where = error?.propertyName === undefined ? member : `A name in ${member}`;
  return { target, message: `${where} ${error === undefined ? "is not as it must be" : explain(error)}.` };
}

function explain({ keyword, params, message }: ErrorObject): string {
  switch (keyword) {
    case "required":
      return `lacks '${params.missingProperty}'`;
    case "enum":
      return `must be one of ${params.allowedValues.map((value: unknown) => `'${value}'`).join(", ")}`;
    case "type":
      return `must be ${[params.type].flat().map(withArticle).join(" or ")}`;
    case "unevaluatedProperties":
      return `must not have '${params.unevaluatedProperty}'`;
    default:
      return (message ?? "is not as it must be").replace("must NOT", "must not");
  }
}

function withArticle(type: string): string {
  if (type === "null") return type;
  return `${/^[aeio]/.test(type) ? "an" : "a"} ${type}`;
}

/** JSON Pointer, RFC 6901 section 4. */
function unescapePointer(segment: string): string {
  return segment.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** The wire contract: what the api takes and answers, as `api/spec` says. */
export const contract: Contract = loadContract();
