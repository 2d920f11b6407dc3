import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type CompilerHost, compile, formatDiagnostic, NodeHost } from "@typespec/compiler";
import { compile as compileTypes } from "json-schema-to-typescript";
import type { OpenApi } from "../src/contract/openapi.ts";
import { writeCommonTypes } from "./common-types.ts";
import { mergeVersions, pruneSchemas } from "./documents.ts";
import { typesSchema } from "./types-schema.ts";

const HERE = import.meta.dirname;

/** Where the generated files are. */
export const GENERATED = join(HERE, "generated");

/** The services, each with an entry file of its name. Those that ARM calls are also emitted as Swagger 2.0. */
const SERVICES = [
  { name: "public", arm: true },
  { name: "internal", arm: true },
  { name: "lifecycle", arm: false },
  { name: "admin", arm: false },
] as const;

/**
 * Everything that is generated from the TypeSpec files.
 *
 * @returns path below `generated/` -> text
 * @throws Error with TypeSpec's own messages, warnings included
 */
export async function generate(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const documents: OpenApi[] = [];
  const untrimmed: OpenApi[] = [];
  for (const { name, arm } of SERVICES) {
    const emitted = await emit(name, arm);
    const versions = [...emitted].filter(([path]) => path.startsWith("openapi")).map(([, text]) => JSON.parse(text));
    const whole = mergeVersions(versions);
    untrimmed.push(whole);
    const document = pruneSchemas(whole);
    documents.push(document);
    files.set(`${name}/openapi.json`, toText(document));
    for (const [path, text] of emitted) {
      if (!path.startsWith("openapi")) files.set(`${name}/${path}`, dropUnknownToSwagger(text));
    }
  }
  const swaggers = [...files].filter(([path]) => path.endsWith("swagger.json")).map(([, text]) => text);
  files.set("common-types/resource-management/v3/types.json", toText(writeCommonTypes(swaggers, untrimmed)));
  files.set("types.ts", await compileTypes(typesSchema(documents), "Operations", TYPES_STYLE));
  return files;
}

const TYPES_STYLE = {
  additionalProperties: false,
  bannerComment: "/** Generated from api/spec by `npm run spec -w api`. */",
  style: { printWidth: 120 },
  unknownAny: true,
  maxItems: -1,
} as const;

/** Compiles one service, in memory. @returns path -> text */
async function emit(service: string, arm: boolean): Promise<Map<string, string>> {
  const written = new Map<string, string>();
  const host: CompilerHost = {
    ...NodeHost,
    mkdirp: async path => path,
    rm: async () => {},
    writeFile: async (path, text) => void written.set(path, text),
  };
  const out = join(GENERATED, service);
  const program = await compile(host, join(HERE, `${service}.tsp`), {
    outputDir: out,
    warningAsError: true,
    emit: ["@typespec/openapi3", ...(arm ? ["@azure-tools/typespec-autorest"] : [])],
    options: {
      "@typespec/openapi3": {
        "emitter-output-dir": out,
        "openapi-versions": ["3.1.0"],
        "file-type": "json",
        "omit-unreachable-types": true,
      },
      "@azure-tools/typespec-autorest": {
        "emitter-output-dir": out,
        "output-file": "swagger.json",
        "arm-types-dir": join(GENERATED, "common-types/resource-management"),
        "examples-dir": join(HERE, "examples"),
        "omit-unreachable-types": true,
        "use-read-only-status-schema": true,
        version: NEWEST,
      },
    },
  });
  if (program.diagnostics.length > 0) {
    throw new Error(program.diagnostics.map(diagnostic => formatDiagnostic(diagnostic)).join("\n"));
  }
  return new Map([...written].map(([path, text]) => [path.slice(out.length + 1), text]));
}

/** The api-version that the Swagger documents are written for; all versions are answered alike. */
const NEWEST = "2024-03-31";

/** Swagger 2.0 has no limit for the names of a map. */
function dropUnknownToSwagger(text: string): string {
  return toText(JSON.parse(text, (key, value) => (key === "propertyNames" ? undefined : value)));
}

function toText(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Writes what {@link generate} makes, and nothing else stays in that folder. */
async function write(): Promise<void> {
  const files = await generate();
  await rm(GENERATED, { recursive: true, force: true });
  for (const [path, text] of files) {
    const file = join(GENERATED, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

if (import.meta.main) await write();
