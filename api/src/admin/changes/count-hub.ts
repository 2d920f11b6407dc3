import type { FastifyBaseLogger } from "fastify";
import type { OpenDatabase } from "../../database/open.ts";
import type { ChangedAccount } from "./hub.ts";

/**
 * Told of accounts that the gates have counted requests to, and whether to host names that are no account; undefined when some
 * may have been missed.
 */
export type CountListener = (counted: Counted | undefined) => void;

export interface Counted {
  readonly accounts: readonly ChangedAccount[];
  readonly unknown: boolean;
}

/** Passes on to everybody who looks on at this replica what reports have come in, at whichever replica. */
export interface CountHub {
  /** Returns what ends it. */
  listen(listener: CountListener): () => void;
  stop(): Promise<void>;
}

/** Milliseconds from one telling to the next. */
const PAUSE = 1000;

/** Asks the database only when something was counted while somebody listens. */
export function createCountHub({ db, notifications }: OpenDatabase, log: FastifyBaseLogger): CountHub {
  const listeners = new Set<CountListener>();
  const lives = new Set<number>();
  let ignore: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  let telling = Promise.resolve();

  const tell = (counted: Counted | undefined): void => {
    for (const listener of [...listeners]) listener(counted);
  };
  const flush = async (): Promise<void> => {
    timer = undefined;
    toldAt = performance.now();
    const counted = [...lives];
    lives.clear();
    try {
      tell({ accounts: await findAccounts(db, counted), unknown: counted.includes(0) });
    } catch (error) {
      log.warn({ err: error }, "accounts with new counts could not be looked up");
      tell(undefined);
    }
  };
  const hear = (said: string | undefined): void => {
    if (said === undefined) {
      tell(undefined);
      return;
    }
    for (const life of said.split(",")) lives.add(Number(life));
    timer ??= setTimeout(
      () => {
        telling = flush();
      },
      Math.max(0, toldAt + PAUSE - performance.now()),
    );
  };
  const pause = (): void => {
    ignore?.();
    ignore = undefined;
    clearTimeout(timer);
    timer = undefined;
    lives.clear();
  };

  return {
    listen(listener) {
      listeners.add(listener);
      ignore ??= notifications.listen("counts", hear);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) pause();
      };
    },
    async stop() {
      pause();
      await telling;
    },
  };
}

/** By their lives, as far as these go on. */
async function findAccounts(db: OpenDatabase["db"], lives: readonly number[]): Promise<ChangedAccount[]> {
  return await db
    .selectFrom("accounts")
    .select(["account", "subscription_id", "resource_group", "name"])
    .where("life", "in", lives)
    .execute();
}
