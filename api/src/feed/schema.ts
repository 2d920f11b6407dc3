import { type Static, Type } from "typebox";
import { LARGEST_MAX_AGE } from "../database/epoch.ts";

/** The query of `GET /gate/v1/changes` (design 4). Numbers come as text and are coerced by Fastify. */
export const pollQuery = Type.Object({
  gate: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" }),
  incarnation: Type.String({ pattern: "^[0-9a-f]{32}$" }),
  /** Opaque; absent or empty in a first load and a reload. */
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
  /** Seconds. Only a goodbye may leave it out. */
  maxAge: Type.Optional(Type.Integer({ minimum: 1, maximum: LARGEST_MAX_AGE })),
  /** Seconds that an answer without news may be held back. */
  wait: Type.Number({ minimum: 0, maximum: 30, default: 0 }),
  /** Lines of a page, the last one not counted. */
  limit: Type.Integer({ minimum: 1, maximum: 10_000, default: 2000 }),
  bye: Type.Optional(Type.Enum(["0", "1"])),
});

export type PollQuery = Static<typeof pollQuery>;
