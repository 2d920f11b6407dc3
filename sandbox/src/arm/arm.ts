import { randomUUID } from "node:crypto";
import { findFreePorts } from "@linkgate/njs/testing";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Identity } from "../certificates.ts";
import type { AccessControl } from "./access-control.ts";
import { authorizationRoutes } from "./authorization-routes.ts";
import { type Caller, identifyCaller, type TokenRules } from "./caller.ts";
import { discoveryRoutes } from "./discovery-routes.ts";
import { ArmError, armErrors, renderArmError } from "./errors.ts";
import { type ResourceGroups, resourceGroupRoutes } from "./resource-groups.ts";
import {
  isPlace,
  isTrackedCollection,
  nameAction,
  parseResourcePath,
  type ResourcePath,
  sameName,
  scopeOf,
} from "./resource-path.ts";
import type { Subscription } from "./subscriptions.ts";

/** What ARM knows of a request once it has let it in. */
export interface ArmContext {
  caller: Caller;
  path: ResourcePath;
  correlationId: string;
  apiVersion: string;
  /** Whether the caller may do an action on a scope; every list is cut down to what its reader may read. */
  may(action: string, scope: string): boolean;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Set for every request but those that need no token. */
    arm: ArmContext;
  }
}

export interface ArmOptions {
  server: Identity;
  /** Without audience: that is ARM's own URL. */
  tokens: Omit<TokenRules, "audience">;
  authorityUrl: string;
  tenantId: string;
  access: AccessControl;
  findPrincipal(objectId: string): "User" | "ServicePrincipal" | undefined;
  subscriptions: readonly Subscription[];
  groups: ResourceGroups;
  port?: number;
}

/** The sandbox's Azure Resource Manager, before any provider is plugged in. */
export interface Arm {
  /** `https://localhost:port`; known before it listens, because the port is reserved first. */
  url: string;
  app: FastifyInstance;
  stop(): Promise<void>;
}

/** Routes that are open to anybody, as az reads them before it signs in. */
const openPaths = new Set(["/metadata/endpoints"]);
const apiVersionForm = /^\d{4}-\d{2}-\d{2}(-[a-z]+)?$/i;
/** ARM's own limit for a request body. */
const bodyLimit = 4 * 1024 * 1024;

/**
 * Starts ARM on 127.0.0.1. Every request passes, in this order: token (401), api-version (400), subscription and group
 * (404), role (403). `plugIn` adds the providers' routes, which find the outcome in `request.arm`.
 */
export async function startArm(
  options: ArmOptions,
  plugIn: (arm: { app: FastifyInstance; url: string }) => Promise<void>,
): Promise<Arm> {
  const [port = 0] = options.port === undefined ? await findFreePorts(1) : [options.port];
  const url = `https://localhost:${port}`;
  const app = fastify({
    https: { cert: options.server.certificate, key: options.server.key },
    bodyLimit,
    forceCloseConnections: true,
    frameworkErrors: (_error, _request, reply) => {
      void (reply as FastifyReply).code(400).send(renderArmError(armErrors.badPath()));
    },
    routerOptions: {
      caseSensitive: false,
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
      maxParamLength: 300,
    },
  });
  app.removeAllContentTypeParsers();
  // Bodies travel to providers as they came; az sends a DELETE with a content type and no body.
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.decorateRequest("arm");
  app.addHook("onRequest", async (request, reply) => {
    const correlationId = readCorrelationId(request);
    reply.header("x-ms-correlation-request-id", correlationId);
    reply.header("x-ms-request-id", randomUUID());
    const path = (request.raw.url ?? "/").split("?", 1)[0] ?? "/";
    if (openPaths.has(path)) return;
    const caller = await identifyCaller(request.headers.authorization, { ...options.tokens, audience: url });
    request.arm = {
      caller,
      path: parseResourcePath(path),
      correlationId,
      apiVersion: readApiVersion(request),
      may: (action, scope) => options.access.isAllowed(caller.objectId, action, scope),
    };
    checkPlace(request.arm.path, options);
    checkRole(request.method, request.arm, options.access);
  });
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof ArmError) return reply.code(error.status).headers(error.headers).send(renderArmError(error));
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    if (status < 500) return reply.code(status).send(renderArmError(armErrors.badContent((error as Error).message)));
    console.error(`sandbox: ARM failed at ${request.method} ${request.url}:`, error);
    return reply.code(500).send({ error: { code: "InternalServerError", message: "The sandbox's ARM failed." } });
  });
  app.setNotFoundHandler(request => {
    throw armErrors.noRoute(request.method);
  });
  await app.register(discoveryRoutes, { ...options, url });
  await app.register(resourceGroupRoutes, { groups: options.groups, access: options.access });
  await app.register(authorizationRoutes, options);
  await plugIn({ app, url });
  await app.listen({ host: "127.0.0.1", port });
  return { url, app, stop: () => app.close() };
}

function readCorrelationId(request: FastifyRequest): string {
  const given = request.headers["x-ms-correlation-request-id"];
  return typeof given === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(given) ? given : randomUUID();
}

function readApiVersion(request: FastifyRequest): string {
  const version = (request.query as Record<string, unknown>)["api-version"];
  if (typeof version !== "string" || version === "") throw armErrors.noApiVersion();
  if (!apiVersionForm.test(version)) throw armErrors.badApiVersion(version);
  return version;
}

function checkPlace(path: ResourcePath, options: ArmOptions): void {
  const { subscriptionId, group } = path;
  if (subscriptionId === undefined) return;
  const known = options.subscriptions.some(one => one.id.toLowerCase() === subscriptionId.toLowerCase());
  if (!known) throw armErrors.noSubscription(subscriptionId);
  if (group !== undefined && path.namespace !== undefined && !options.groups.find(subscriptionId, group)) {
    throw armErrors.noGroup(group);
  }
}

function checkRole(method: string, { caller, path }: ArmContext, access: AccessControl): void {
  // `/subscriptions` shows each caller its own, and anybody may ask what they may do, and what a provider offers.
  if (path.subscriptionId === undefined && path.namespace === undefined) return;
  const action = nameAction(method, path);
  if (sameName(action, "Microsoft.Authorization/permissions/read")) return;
  if (path.subscriptionId === undefined && sameName(action, `${path.namespace}/operations/read`)) return;
  const isRead = action.endsWith("/read");
  const allowed =
    access.isAllowed(caller.objectId, action, path.id) ||
    (isRead && isPlace(path) && access.reaches(caller.objectId, path.id)) ||
    (isRead && isTrackedCollection(path) && access.isAllowedWithin(caller.objectId, action, scopeOf(path)));
  if (!allowed) throw armErrors.notAllowed(caller, action, path.id);
}
