import type { FastifyReply, FastifyRequest } from "fastify";
import type { OperationRow } from "../operations/service.ts";
import { PROVIDER } from "./paths.ts";

/**
 * Where clients reach ARM: the origin of `referer`, which ARM sets to the URL its client called (ARM RPC: build
 * Location, Azure-AsyncOperation and nextLink from it, not from the own host). Our own host when it is absent.
 */
export function publicOrigin(request: FastifyRequest): string {
  return publicUrl(request).origin;
}

/** The whole URL the client called, for `nextLink`. */
export function publicUrl(request: FastifyRequest): URL {
  const own = URL.parse(request.url, `https://${request.host}`) ?? new URL(request.url, "https://localhost");
  const referer = request.headers.referer;
  if (referer === undefined || !URL.canParse(referer)) return own;
  const url = new URL(referer);
  return url.protocol === "https:" || url.protocol === "http:" ? url : own;
}

/**
 * Tells the client where to ask about a running operation. Nothing is set when none runs.
 *
 * @param retryAfter seconds (ARM RPC: always integer seconds; without it clients wait 30 to 60 s)
 * @param kind `body`: the answer has a body and `Azure-AsyncOperation` (a PUT); `empty`: also `Location` (a DELETE)
 */
export function announceOperation(
  request: FastifyRequest,
  reply: FastifyReply,
  operation: OperationRow | undefined,
  retryAfter: number,
  kind: "body" | "empty",
): void {
  if (operation === undefined || operation.status !== "Running") return;
  reply.header("azure-asyncoperation", operationUrl(request, operation, "status"));
  if (kind === "empty") reply.header("location", operationUrl(request, operation, "location"));
  reply.header("retry-after", String(retryAfter));
}

/**
 * The absolute URL of an operation, at subscription scope, so that it outlives the resource (ARM RPC).
 *
 * @param shape `status` answers with a status document, `location` the way a synchronous call would have
 */
export function operationUrl(request: FastifyRequest, operation: OperationRow, shape: "status" | "location"): string {
  const suffix = shape === "location" ? "&operationResultResponseType=Location" : "";
  return `${publicOrigin(request)}${operationId(operation)}?api-version=${request.apiVersion}${suffix}`;
}

/** The ARM id of an operation. */
export function operationId(operation: OperationRow): string {
  const location = operation.location.toLowerCase().replaceAll(" ", "");
  return `/subscriptions/${operation.subscription_id}/providers/${PROVIDER}/locations/${encodeURIComponent(location)}/operationresults/${operation.id}`;
}
