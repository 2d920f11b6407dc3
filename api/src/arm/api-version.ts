import type { FastifyInstance } from "fastify";
import { contract } from "../contract/contract.ts";
import { ArmError } from "./errors.ts";

/** Every stable api-version of Microsoft.HealthcareApis since private link came (arm-contract 2); all are answered alike. */
export const API_VERSIONS = contract.apiVersions;

const WELL_FORMED = /^\d{4}-\d{2}-\d{2}(-(preview|alpha|beta|rc|privatepreview))?$/i;

declare module "fastify" {
  interface FastifyContextConfig {
    /** The only api-version of a route that has one of its own. */
    apiVersion?: string;
  }
}

/** Refuses requests without an api-version that is known (ARM RPC common-api-details; codes: arm-contract 4.4). */
export function registerApiVersion(app: FastifyInstance): void {
  app.addHook("onRequest", async request => {
    request.apiVersion = checkApiVersion(
      request.query as Record<string, unknown>,
      request.routeOptions.config.apiVersion,
    );
  });
}

/**
 * @param only the one version that is answered, where it isn't any of {@link API_VERSIONS}
 * @returns the api-version of a query
 * @throws ArmError MissingApiVersionParameter, InvalidApiVersionParameter or UnsupportedApiVersionValue
 */
export function checkApiVersion(query: Record<string, unknown>, only?: string): string {
  // ARM passes the client's query through untouched, and clients vary in the case of its names.
  const given = Object.keys(query)
    .filter(name => name.toLowerCase() === "api-version")
    .flatMap(name => query[name]);
  const value = given[0];
  if (given.length === 0 || value === "") {
    throw new ArmError(
      "MissingApiVersionParameter",
      "The api-version query parameter (?api-version=) is required for all requests.",
    );
  }
  if (only !== undefined && given.length === 1 && value === only) return only;
  if (given.length > 1 || typeof value !== "string" || !WELL_FORMED.test(value)) {
    throw new ArmError("InvalidApiVersionParameter", "The api-version must be given once, as YYYY-MM-DD.");
  }
  const supported = only === undefined ? API_VERSIONS : [only];
  if (!supported.includes(value)) {
    throw new ArmError(
      "UnsupportedApiVersionValue",
      `The api-version '${value}' is not supported here. Supported is: ${supported.join(", ")}.`,
    );
  }
  return value;
}
