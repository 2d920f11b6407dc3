import { createServer, type IncomingMessage, type Server } from "node:http";

/** What a sample FHIR service was told about a request; tests and people read the gate's work from it. */
export interface Told {
  method: string;
  target: string;
  host: string | null;
  /** The gate's `x-private-link-id`, decimal. */
  privateLinkId: string | null;
  /** The gate's `x-private-link-client`, `privateip:linkid`. */
  privateLinkClient: string | null;
  /** Every header in the order of arrival, copies kept. */
  headers: [name: string, value: string][];
}

/**
 * A sample FHIR service. It names its own account, which it knows from where it listens and never from the request, so
 * that an answer shows which tenant was reached; and it repeats what it was told.
 *
 * @param account Null for the one that serves no account of its own.
 */
export function createFhirService(account: string | null): Server {
  return createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    request.resume();
    const body = JSON.stringify({ ...composeResource(account, request), account, told: readTold(request) });
    response.writeHead(200, {
      "content-type": "application/fhir+json; charset=utf-8",
      "content-length": Buffer.byteLength(body),
    });
    response.end(request.method === "HEAD" ? undefined : body);
  });
}

function composeResource(account: string | null, request: IncomingMessage): Record<string, unknown> {
  const path = (request.url ?? "/").split("?", 1)[0];
  if (path === "/health/check") return { overallStatus: "Healthy" };
  if (path === "/metadata") {
    return {
      resourceType: "CapabilityStatement",
      status: "active",
      kind: "instance",
      fhirVersion: "4.0.1",
      format: ["json"],
      software: { name: `Sample FHIR service of ${account ?? "nobody"}` },
    };
  }
  if (path === "/Patient") {
    const patient = { resourceType: "Patient", id: "example", name: [{ text: `A patient of ${account ?? "nobody"}` }] };
    return { resourceType: "Bundle", type: "searchset", total: 1, entry: [{ resource: patient }] };
  }
  return { resourceType: "Basic", id: "example" };
}

function readTold(request: IncomingMessage): Told {
  const headers: [string, string][] = [];
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    headers.push([request.rawHeaders[index] ?? "", request.rawHeaders[index + 1] ?? ""]);
  }
  const read = (name: string): string | null => headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? null;
  return {
    method: request.method ?? "",
    target: request.url ?? "",
    host: read("host"),
    privateLinkId: read("x-private-link-id"),
    privateLinkClient: read("x-private-link-client"),
    headers,
  };
}
