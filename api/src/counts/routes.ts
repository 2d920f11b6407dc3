import { setTimeout as delay } from "node:timers/promises";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { isDatabaseUnavailable } from "../database/database-errors.ts";
import type { OpenDatabase } from "../database/open.ts";
import { assertOwnGate, notYours } from "../feed/access.ts";
import { Refusal } from "../feed/refusal.ts";
import { together } from "../feed/together.ts";
import { type Report, type Taken, takeReports } from "./intake.ts";
import { LARGEST_BATCH, MOST_LINES, readBatch } from "./read-batch.ts";
import { type ReportQuery, reportQuery } from "./schema.ts";

/**
 * `POST /gate/v1/reports`: what the gates tell of requests (docs/protocol, "Reports"). Reports that come at one time are taken
 * together, by one statement after the other, so that however many come, polls have the rest of the database's connections.
 */
export const reportRoutes: FastifyPluginAsync<{ readonly database: OpenDatabase }> = async (app, { database }) => {
  const { db } = database;
  const take = together<Report, Taken>(
    reports => takeReports(db, reports),
    ({ incarnation, reporter }) => `${incarnation} ${reporter}`,
    isDatabaseUnavailable,
  );
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("text/plain", { parseAs: "string" }, async (_request: FastifyRequest, body: string) => body);
  app.post<{ Querystring: ReportQuery }>(
    "/gate/v1/reports",
    { schema: { querystring: reportQuery }, bodyLimit: LARGEST_BATCH },
    async (request, reply) => {
      assertOwnGate(request, request.query.gate);
      reply.header("cache-control", "no-store");
      const report = readReport(request);
      await nextBeat();
      if ((await take(report)) === "stranger") throw notYours();
      return reply.status(204).send();
    },
  );
};

/** Milliseconds. Reports are taken on the beat of this, all of them that have come by then, since a statement for one costs as much as for many. */
const BEAT = 100;

const nextBeat = (): Promise<void> => delay(BEAT - (performance.now() % BEAT));

/** @throws Refusal 400, 413; then nothing of it counts */
function readReport({ query, headers, body }: FastifyRequest<{ Querystring: ReportQuery }>): Report {
  const lines = readBatch(typeof body === "string" ? body : "");
  if (lines === "too-large") throw new Refusal(413, "TooLarge", `a report has at most ${MOST_LINES} lines`);
  if (lines === "malformed") {
    throw new Refusal(
      400,
      "BadRequest",
      "a line is not account, reason, linkId, requests, bytes; or one is there twice",
    );
  }
  return { ...query, version: toVersion(headers["user-agent"]), lines };
}

/** Characters of what a gate calls itself. */
const LONGEST_VERSION = 120;

const toVersion = (userAgent = ""): string => userAgent.replace(/[^\x20-\x7e]/g, "").slice(0, LONGEST_VERSION);
