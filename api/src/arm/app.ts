import { randomUUID } from "node:crypto";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { registerAccounts } from "../accounts/routes.ts";
import { registerConnections } from "../connections/routes.ts";
import { checkAnswers } from "../contract/answers.ts";
import { registerProvider } from "../provider/routes.ts";
import { registerProxies } from "../proxies/routes.ts";
import { registerSubscriptionStates, registerSubscriptions } from "../subscriptions/routes.ts";
import { registerApiVersion } from "./api-version.ts";
import { BODY_LIMIT, registerRawBodies } from "./body.ts";
import { registerCaller } from "./caller.ts";
import type { ArmCertificates } from "./certificates.ts";
import type { ArmContext } from "./context.ts";
import { rawErrorAnswer, registerErrors, sendError } from "./errors.ts";
import { registerHeaders, setHeaders } from "./headers.ts";
import { registerWrongMethods } from "./methods.ts";
import { registerOperationResults } from "./operation-results.ts";
import { ROUTER_OPTIONS, registerPathChecks } from "./paths.ts";
import { isTrusted, registerTrust, untrusted } from "./trust.ts";

/** Milliseconds a request may take to arrive; ARM itself gives up after 60 s. */
const REQUEST_TIMEOUT = 60_000;

export interface ArmAppOptions extends ArmContext {
  /** PEM, of the listener. */
  readonly tls: { readonly cert: string; readonly key: string };
  readonly certificates: ArmCertificates;
  /** Lower case. */
  readonly nrpAppIds: ReadonlySet<string>;
  readonly log: FastifyBaseLogger;
}

/** A route of the ARM listener, as tests enumerate them. */
export interface ArmRoute {
  readonly method: string;
  readonly path: string;
  readonly nrpOnly: boolean;
  /** The only one that is answered; absent: any of `API_VERSIONS`. */
  readonly apiVersion?: string;
}

/**
 * The ARM listener: HTTPS with mutual TLS. Every request passes the hooks in this order (design 5): headers, trust,
 * api-version, caller, path, state of the subscription; then the handler: resource, body, state.
 */
export function buildArmApp(options: ArmAppOptions): { app: FastifyInstance; routes: readonly ArmRoute[] } {
  const app: FastifyInstance = Fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    genReqId: () => randomUUID(),
    // The trust hook decides, so that strangers get ARM's 403 instead of a broken handshake.
    https: { cert: options.tls.cert, key: options.tls.key, requestCert: true, rejectUnauthorized: false },
    routerOptions: ROUTER_OPTIONS,
    exposeHeadRoutes: false,
    // Requests that arrive while the listener closes are answered like any other, on connections that end then.
    return503OnClosing: false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT,
    frameworkErrors: (error, request, reply) => {
      // No hook has run for a path that can't be decoded.
      const known = request as FastifyRequest;
      setHeaders(known, reply as FastifyReply);
      const cause = isTrusted(known, options.certificates) ? error : untrusted();
      sendError(cause, known, reply as FastifyReply, options.retryAfter);
    },
    clientErrorHandler(error, socket) {
      if (error.code === "ECONNRESET" || socket.destroyed) return;
      socket.end(rawErrorAnswer(clientErrorCode(error.code), "The bytes sent are no HTTP request.", randomUUID()));
    },
  });
  const routes: ArmRoute[] = [];
  app.addHook("onRoute", route => {
    if (route.config?.wrongMethods === true) return;
    const { nrpOnly, apiVersion } = route.config ?? {};
    routes.push({
      method: String(route.method),
      path: route.url,
      nrpOnly: nrpOnly === true,
      ...(apiVersion === undefined ? {} : { apiVersion }),
    });
  });
  let isClosing = false;
  app.addHook("preClose", async () => {
    isClosing = true;
  });
  app.addHook("onSend", async (_request, reply) => {
    if (isClosing) reply.header("connection", "close"); // or ARM's idle connection would hold up the end
  });
  registerHeaders(app);
  checkAnswers(app, ["public", "internal", "lifecycle"]);
  registerTrust(app, options.certificates);
  registerApiVersion(app);
  registerCaller(app, options.nrpAppIds);
  registerPathChecks(app);
  registerSubscriptionStates(app, options);
  registerRawBodies(app);
  registerErrors(app, options.retryAfter);
  registerAccounts(app, options);
  registerConnections(app, options);
  registerProxies(app, options);
  registerOperationResults(app, options);
  registerProvider(app);
  registerSubscriptions(app, options);
  registerWrongMethods(app, routes);
  return { app, routes };
}

function clientErrorCode(code: string): "RequestTimeout" | "RequestHeaderFieldsTooLarge" | "InvalidRequestContent" {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return "RequestTimeout";
    case "HPE_HEADER_OVERFLOW":
      return "RequestHeaderFieldsTooLarge";
    default:
      return "InvalidRequestContent";
  }
}
