import type { FastifyBaseLogger } from "fastify";
import type { Transaction } from "kysely";
import { type Background, startWork } from "../background.ts";
import { enterCurrentEpoch } from "../database/epoch.ts";
import { readOldestTransaction } from "../database/oldest-transaction.ts";
import type { OpenDatabase } from "../database/open.ts";
import type { Database, OperationKind } from "../database/schema.ts";
import { giveUpSilentGates, secondsToGiveUp } from "../gates/repository.ts";
import { lockDueOperation, passBarriers, readAgenda, setSucceeded } from "./repository.ts";
import type { OperationRow } from "./service.ts";

/** What a kind of operation does at its end, in the transaction that sets it Succeeded; if it throws it is run again later. */
export type Finisher = (tx: Transaction<Database>, operation: OperationRow) => Promise<void>;
export type Finishers = Readonly<Record<OperationKind, Finisher>>;

/** Pass `{ ...database, finishers, ... }`. */
export interface OperationWorkerOptions extends Pick<OpenDatabase, "db" | "notifications"> {
  readonly finishers: Finishers;
  /** Seconds between barrier and end of an operation: the longest life of a client's connection (feed rule 28). */
  readonly linkQuarantine: number;
  /** Seconds on top of 1 % of a silent gate's age limit (feed rule 24). */
  readonly ageMargin: number;
  readonly log: FastifyBaseLogger;
}

/** Seconds. The data say when to look again; these are for a wake-up that got lost. */
const LOOK_AGAIN = { waiting: 2, idle: 15 };
/** Seconds before a finisher that failed, or a pass that did, is tried again: doubled each time. */
const BACKOFF = { first: 0.25, longest: 60, longestPass: 5 };
/** Seconds. An open transaction this old makes every poll read more; somebody should look at it (feed rule 4). */
const OLD_TRANSACTION = 60;

interface Failure {
  readonly attempts: number;
  /** `performance.now()` of the next try. */
  readonly notBefore: number;
}

/**
 * Drives every running operation to its end until stopped: gives up silent gates, passes barriers, waits out the
 * quarantine and finishes. All state lies in the database, so any number of replicas may run it, and any may die.
 */
export function startOperationWorker(options: OperationWorkerOptions): Background {
  const { notifications, log } = options;
  const worker = new OperationWorker(options);
  return startWork({
    notifications,
    log,
    topic: "operations",
    failure: {
      sentence: "operations could not be looked at",
      retryIn: failures => backoff(failures, BACKOFF.longestPass),
    },
    pass: signal => worker.pass(signal),
  });
}

class OperationWorker {
  readonly #options: OperationWorkerOptions;
  readonly #failures = new Map<string, Failure>();
  #alarmedAt = Number.NEGATIVE_INFINITY;

  constructor(options: OperationWorkerOptions) {
    this.#options = options;
  }

  /** Does what can be done now. Returns the seconds until there may be more to do. */
  async pass(signal: AbortSignal): Promise<number> {
    const { db, ageMargin, linkQuarantine, log } = this.#options;
    await enterCurrentEpoch(db);
    for (const gate of await giveUpSilentGates(db, ageMargin)) {
      log.warn({ gate: gate.gate, incarnation: gate.incarnation, heardAt: gate.heard_at }, "silent gate given up");
    }
    for (const operation of await passBarriers(db, ageMargin)) {
      log.info(describe(operation), "barrier passed");
    }
    while (!signal.aborted && (await this.#finishOne())) {}
    await this.#alarm();

    const agenda = await readAgenda(db, linkQuarantine, this.#resting());
    const looks = [agenda.waitsForGates ? LOOK_AGAIN.waiting : LOOK_AGAIN.idle, this.#secondsToRetry()];
    if (agenda.secondsToNextEnd !== null) looks.push(agenda.secondsToNextEnd);
    if (agenda.waitsForGates) looks.push((await secondsToGiveUp(db, ageMargin)) ?? LOOK_AGAIN.waiting);
    return Math.max(0.02, Math.min(...looks));
  }

  /** Ends one operation whose time has come. Returns false if there is none. */
  async #finishOne(): Promise<boolean> {
    const { db, finishers, linkQuarantine, log } = this.#options;
    let locked: OperationRow | undefined;
    try {
      await db.transaction().execute(async tx => {
        locked = await lockDueOperation(tx, linkQuarantine, this.#resting());
        if (locked === undefined) return;
        await finishers[locked.kind](tx, locked);
        await setSucceeded(tx, locked.id);
      });
    } catch (error) {
      if (locked === undefined) throw error;
      const attempts = (this.#failures.get(locked.id)?.attempts ?? 0) + 1;
      const seconds = backoff(attempts, BACKOFF.longest);
      this.#failures.set(locked.id, { attempts, notBefore: performance.now() + seconds * 1000 });
      log.error({ err: error, ...describe(locked), attempts, retryIn: seconds }, "operation could not be finished");
      return true;
    }
    if (locked === undefined) return false;
    this.#failures.delete(locked.id);
    log.info(describe(locked), "operation ended");
    return true;
  }

  /** The operations that failed and are not to be tried again yet. */
  #resting(): string[] {
    const now = performance.now();
    return [...this.#failures].filter(([, failure]) => failure.notBefore > now).map(([id]) => id);
  }

  #secondsToRetry(): number {
    const now = performance.now();
    const waits = [...this.#failures.values()]
      .map(failure => (failure.notBefore - now) / 1000)
      .filter(wait => wait > 0);
    return Math.min(Number.POSITIVE_INFINITY, ...waits);
  }

  /** feed rule 4: an old transaction delays nobody, but it should not stay unseen. */
  async #alarm(): Promise<void> {
    if (performance.now() - this.#alarmedAt < OLD_TRANSACTION * 1000) return;
    this.#alarmedAt = performance.now();
    const oldest = await readOldestTransaction(this.#options.db);
    if (oldest !== undefined && oldest.seconds > OLD_TRANSACTION) {
      this.#options.log.warn(oldest, "a transaction has been open for long");
    }
  }
}

const describe = ({ id, kind, correlation_id: correlationId }: OperationRow): object => ({
  operation: id,
  kind,
  correlationId,
});

const backoff = (attempts: number, longest: number): number => Math.min(longest, BACKOFF.first * 2 ** (attempts - 1));
