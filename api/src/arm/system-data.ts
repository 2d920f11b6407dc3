import type { FastifyRequest } from "fastify";
import type { SystemData } from "../database/schema.ts";

const MEMBERS = ["createdBy", "createdByType", "createdAt", "lastModifiedBy", "lastModifiedByType", "lastModifiedAt"];

/** Who called ARM, in ARM's own words (arm-contract 4.1). */
export interface CallerIdentity {
  readonly via: "nrp" | "arm";
  /** Of the principal in its tenant; ARM leaves it out where it has none. */
  readonly objectId: string | undefined;
  readonly name: string | undefined;
  readonly appId: string | undefined;
}

/** What a write knows of its caller, for the registry and the trace. */
export interface Caller {
  readonly systemData: SystemData;
  readonly correlationId: string;
  /** None when the api acts by itself. */
  readonly by?: CallerIdentity;
}

/** Who calls, from ARM's `x-ms-arm-resource-system-data` (arm-contract 4.1) and its correlation id. */
export function readCaller(request: FastifyRequest): Caller {
  return {
    systemData: parse(request.headers["x-ms-arm-resource-system-data"]),
    correlationId: request.correlationId,
    by: {
      via: request.calledByNrp ? "nrp" : "arm",
      objectId: readText(request.headers["x-ms-client-object-id"]),
      name: readText(request.headers["x-ms-client-principal-name"]),
      appId: readText(request.headers["x-ms-client-app-id"]),
    },
  };
}

/**
 * Brings stored systemData up to date. For types that ARM only passes on the resource provider is the source of truth,
 * so who created it is kept from the first write.
 */
export function mergeSystemData(stored: SystemData, sent: SystemData): SystemData {
  return { ...stored, ...sent, ...pick(stored, name => name.startsWith("created")) };
}

/** ARM's header as far as it can be stored and shown; Node reads header bytes as Latin-1, so anything else is no name. */
function readText(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && /^[\x20-\x7e]{1,256}$/.test(header) ? header : undefined;
}

function parse(header: string | string[] | undefined): SystemData {
  if (typeof header !== "string") return {};
  try {
    const value: unknown = JSON.parse(header);
    return pick(value, (name, member) => MEMBERS.includes(name) && (!name.endsWith("At") || isTime(member)));
  } catch {
    // ARM's own header; a request is not worth less because it is garbled.
    return {};
  }
}

/** RFC 3339, which is what answers promise. ARM writes seven digits of a second. */
const isTime = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(text) && !Number.isNaN(Date.parse(text));

function pick(value: unknown, wanted: (name: string, member: string) => boolean): SystemData {
  if (typeof value !== "object" || value === null) return {};
  const entries = Object.entries(value).filter(([name, member]) => typeof member === "string" && wanted(name, member));
  return Object.fromEntries(entries) as SystemData;
}
