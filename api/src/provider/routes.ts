import type { FastifyInstance } from "fastify";
import { PROVIDER } from "../arm/paths.ts";
import { OPERATIONS } from "./operations.ts";

/** What the resource provider says of itself. */
export function registerProvider(app: FastifyInstance): void {
  app.get(`/providers/${PROVIDER}/operations`, () => ({ value: OPERATIONS }));
}
