import { type Static, Type } from "typebox";

/** The query of `POST /gate/v1/reports`. Numbers come as text and are coerced by Fastify. */
export const reportQuery = Type.Object({
  gate: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" }),
  /** As in the gate's polls. */
  incarnation: Type.String({ pattern: "^[0-9a-f]{32}$" }),
  /** A place within the process that counts by itself. */
  reporter: Type.String({ pattern: "^[0-9a-f]{1,16}$" }),
  /** Of this reporter's batches. */
  sequence: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  /** Seconds since the oldest count of the batch was begun; a hundred years at most. */
  age: Type.Integer({ minimum: 0, maximum: 3_155_760_000 }),
});

export type ReportQuery = Static<typeof reportQuery>;
