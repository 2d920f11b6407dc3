import type { FastifyInstance } from "fastify";
import { ArmError } from "./errors.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** True for the routes that only say which methods a path has. */
    wrongMethods?: boolean;
  }
}

/**
 * Answers 405 with `Allow` where a path is known and the method is not (RFC 9110 section 15.5.6). Call it when all
 * routes are there.
 *
 * @param routes method and path of each
 */
export function registerWrongMethods(
  app: FastifyInstance,
  routes: readonly { readonly method: string; readonly path: string; readonly apiVersion?: string }[],
): void {
  for (const [path, known] of Map.groupBy(routes, route => route.path)) {
    const allowed = known.map(route => route.method).sort();
    const apiVersion = known[0]?.apiVersion;
    app.route({
      method: app.supportedMethods.filter(method => !allowed.includes(method)),
      url: path,
      config: { wrongMethods: true, ...(apiVersion === undefined ? {} : { apiVersion }) },
      handler: async (request, reply) => {
        reply.header("allow", allowed.join(", "));
        throw new ArmError(
          "MethodNotAllowed",
          `There is no ${request.method} on this path, only ${allowed.join(", ")}.`,
        );
      },
    });
  }
}
