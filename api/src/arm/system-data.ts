import type { FastifyRequest } from "fastify";
import type { SystemData } from "../database/schema.ts";

const MEMBERS = ["createdBy", "createdByType", "createdAt", "lastModifiedBy", "lastModifiedByType", "lastModifiedAt"];

/** What a write knows of its caller, for the registry and the trace. */
export interface Caller {
  readonly systemData: SystemData;
  readonly correlationId: string;
}

/** Who calls, from ARM's `x-ms-arm-resource-system-data` (arm-contract 4.1) and its correlation id. */
export function readCaller(request: FastifyRequest): Caller {
  return { systemData: parse(request.headers["x-ms-arm-resource-system-data"]), correlationId: request.correlationId };
}

/**
 * Brings stored systemData up to date. For types that ARM only passes on the resource provider is the source of truth,
 * so who created it is kept from the first write.
 */
export function mergeSystemData(stored: SystemData, sent: SystemData): SystemData {
  return { ...stored, ...sent, ...pick(stored, name => name.startsWith("created")) };
}

function parse(header: string | string[] | undefined): SystemData {
  if (typeof header !== "string") return {};
  try {
    const value: unknown = JSON.parse(header);
    return pick(value, name => MEMBERS.includes(name));
  } catch {
    // ARM's own header; a request is not worth less because it is garbled.
    return {};
  }
}

function pick(value: unknown, wanted: (name: string) => boolean): SystemData {
  if (typeof value !== "object" || value === null) return {};
  const entries = Object.entries(value).filter(([name, member]) => typeof member === "string" && wanted(name));
  return Object.fromEntries(entries) as SystemData;
}
