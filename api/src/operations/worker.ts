import type { FastifyBaseLogger } from "fastify";
import type { Transaction } from "kysely";
import type { OpenDatabase } from "../database/open.ts";
import type { Database, OperationKind } from "../database/schema.ts";
import type { OperationRow } from "./service.ts";

/** What a kind of operation does at its end, in the transaction that sets it Succeeded. Must be safe to run again after a rollback. */
export type Finisher = (tx: Transaction<Database>, operation: OperationRow) => Promise<void>;
export type Finishers = Readonly<Record<OperationKind, Finisher>>;

/** Pass `{ ...database, finishers, ... }`. */
export interface OperationWorkerOptions extends Pick<OpenDatabase, "db" | "notifications"> {
  readonly finishers: Finishers;
  /** Seconds between barrier and end of an operation (feed rule 28). */
  readonly linkQuarantine: number;
  /** Seconds on top of 1 % of a silent gate's age limit (feed rule 24). */
  readonly ageMargin: number;
  readonly log: FastifyBaseLogger;
}

/** Drives every running operation to its end until stopped. */
export function startOperationWorker(_options: OperationWorkerOptions): { stop(): Promise<void> } {
  throw new Error("not written yet");
}
