import type { FastifyBaseLogger } from "fastify";
import { type Background, startWork } from "../background.ts";
import type { OpenDatabase } from "../database/open.ts";
import type { NrpClient } from "./client.ts";
import {
  claimNotice,
  dropNotices,
  LEASE,
  type NrpNotice,
  postponeNotice,
  renewNotice,
  secondsToNextNotice,
  settleNotice,
} from "./notices.ts";

/** Pass `{ ...database, nrp, log }`. */
export interface NrpTellerOptions extends Pick<OpenDatabase, "db" | "notifications"> {
  /** Undefined: this api can't reach NRP, by configuration; notices are dropped, with a line in the log for each. */
  readonly nrp: NrpClient | undefined;
  readonly log: FastifyBaseLogger;
}

/** Seconds. The data say when to look again; the longest is for a wake-up that got lost. */
const LOOK_AGAIN = { soonest: 0.02, failed: 2, longest: 15 };

/**
 * Tells NRP what the api did by itself (design 5 "account"), until stopped. Every notice is a row that goes only when
 * NRP has answered, so it survives NRP's outages and our own; telling twice does no harm, so any replica may do it.
 */
export function startNrpTeller(options: NrpTellerOptions): Background {
  const { db, notifications, log } = options;
  return startWork({
    notifications,
    log,
    topic: "operations",
    failure: { sentence: "notices for NRP could not be looked at", retryIn: () => LOOK_AGAIN.failed },
    async pass(signal) {
      while (!signal.aborted && (await tellOne(options, signal))) {}
      const seconds = (await secondsToNextNotice(db)) ?? LOOK_AGAIN.longest;
      return Math.max(LOOK_AGAIN.soonest, Math.min(LOOK_AGAIN.longest, seconds));
    },
  });
}

/** Returns false if there is nothing to tell now. */
async function tellOne(options: NrpTellerOptions, signal: AbortSignal): Promise<boolean> {
  const { db, nrp, log } = options;
  if (nrp === undefined) {
    for (const notice of await dropNotices(db)) {
      log.warn(describe(notice), "NRP is not told of a connection: it is not configured");
    }
    return false;
  }
  const notice = await claimNotice(db);
  if (notice === undefined) return false;
  await tell(db, nrp, log, notice, signal);
  return true;
}

async function tell(
  db: OpenDatabase["db"],
  nrp: NrpClient,
  log: FastifyBaseLogger,
  notice: NrpNotice,
  signal: AbortSignal,
): Promise<void> {
  const { proxy_id: proxy, connection_id: connection, status, description, attempts } = notice;
  // A renewal that fails costs nothing but that another replica tells NRP too.
  const renewing = setInterval(() => void renewNotice(db, notice).catch(() => {}), (LEASE * 1000) / 3);
  try {
    await nrp.tell(proxy, connection, { status, description }, signal).finally(() => clearInterval(renewing));
  } catch (error) {
    const retryIn = await postponeNotice(db, notice);
    log.warn({ err: error, ...describe(notice), attempts, retryIn }, "NRP could not be told");
    return;
  }
  await settleNotice(db, notice);
  log.info(describe(notice), "NRP was told of a connection");
}

const describe = (notice: NrpNotice): object => ({
  proxy: notice.proxy_id,
  connection: notice.connection_id,
  status: notice.status,
  operation: notice.operation,
  correlationId: notice.correlation_id,
});
