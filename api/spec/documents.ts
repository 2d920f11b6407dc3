import { isDeepStrictEqual } from "node:util";
import { type OpenApi, reachSchemas } from "../src/contract/openapi.ts";

/** The namespace of ARM's common types. */
export const COMMON = "Azure.ResourceManager.CommonTypes.";

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
