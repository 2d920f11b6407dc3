import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { refuseUnreadablePath } from "./admin/errors.ts";
import { adminRoutes } from "./admin/routes.ts";
import { buildArmApp } from "./arm/app.ts";
import { type ArmCertificates, followCertificates, pinCertificates } from "./arm/certificates.ts";
import type { Config, Listen, Tls } from "./config.ts";
import { finishers } from "./connections/finish.ts";
import { startCountCleaner } from "./counts/cleaner.ts";
import { isDatabaseUnavailable } from "./database/database-errors.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./database/embedded-postgres.ts";
import { migrateToLatest } from "./database/migrate.ts";
import { type OpenDatabase, openDatabase } from "./database/open.ts";
import { unreadablePath, writeRefusal } from "./feed/refusal.ts";
import { feedRoutes } from "./feed/routes.ts";
import { buildHealthServer, isDatabaseThere, type Readiness } from "./health.ts";
import { createNrpClient, type NrpClient } from "./nrp/client.ts";
import { createCredential } from "./nrp/credential.ts";
import { startNrpTeller } from "./nrp/teller.ts";
import { startOperationWorker } from "./operations/worker.ts";
import { startSubscriptionWorker } from "./subscriptions/worker.ts";

/** The api while it runs. */
export interface RunningApi {
  readonly armUrl: string;
  readonly feedUrl: string;
  readonly adminUrl: string;
  /** Where probes ask; only if it is configured. */
  readonly healthUrl?: string;
  /** Resolves, with why, when the api can't go on and should be stopped. Never rejects. */
  readonly failed: Promise<Error>;
  /** Stops accepting, ends long polls, lets requests and the worker's transaction end, closes the database. Twice is once. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly log: FastifyBaseLogger;
  /** Gives up waiting for the database. */
  readonly signal?: AbortSignal;
  /** NRP, in place of the one that the configuration leads to. */
  readonly nrp?: NrpClient;
}

/** Seconds between attempts to reach a database that isn't there yet: the first pause, and the longest. */
const RETRY = { first: 0.2, longest: 5 };

/** Milliseconds that open requests are given to end when the api stops. */
const GRACE = 20_000;

/**
 * Starts the resource provider: registry, workers and listeners. Waits, with a line in the log for each attempt, for a
 * database that is still starting; fails at once when the database refuses us for good.
 */
export async function startApi(config: Config, options: StartOptions): Promise<RunningApi> {
  const { log, signal } = options;
  const closers: (() => Promise<void>)[] = [];
  const failed = Promise.withResolvers<Error>();
  let state: "starting" | "ready" | "stopping" = "starting";
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    state = "stopping";
    stopping ??= closeAll(closers);
    return stopping;
  };
  try {
    const certificates = openArmCertificates(config, log, closers);
    let database: OpenDatabase | undefined;
    const healthUrl = await openHealth(config, closers, async () => {
      if (state !== "ready" || database === undefined) return state;
      if (!(await isDatabaseThere(database))) return "no database";
      return certificates.isLoaded ? undefined : "ARM's certificates are not known yet";
    });
    database = openDatabase(await databaseUrl(config, closers, failed.resolve));
    closers.push(database.close);
    await waitForDatabase(database, log, signal);
    const worker = startOperationWorker({ ...database, ...config, finishers, log });
    closers.push(() => worker.stop());
    const nrp = options.nrp ?? reachNrp(config, log);
    const teller = startNrpTeller({ ...database, nrp, log });
    closers.push(() => teller.stop());
    const subscriptions = startSubscriptionWorker({ ...database, log });
    closers.push(() => subscriptions.stop());
    const cleaner = startCountCleaner({ ...database, log });
    closers.push(() => cleaner.stop());

    const { app: arm } = buildArmApp({ ...config, ...config.arm, certificates, database, log });
    const feed = await buildFeedApp(config, database, log);
    const admin = await buildAdminApp(config, database, nrp, log);
    // Registered before they listen, so that one whose address is taken doesn't leave the others behind.
    closers.push(async () => {
      await Promise.all([close(arm), close(feed), close(admin)]);
    });
    const urls = {
      armUrl: await listen(arm, config.arm.listen, "https"),
      feedUrl: await listen(feed, config.feed.listen, config.feed.tls === undefined ? "http" : "https"),
      adminUrl: await listen(admin, config.admin.listen, "https"),
      ...(healthUrl === undefined ? {} : { healthUrl }),
    };
    state = "ready";
    return { ...urls, failed: failed.promise, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** In the reverse order of opening, one after the other. */
async function closeAll(closers: (() => Promise<void>)[]): Promise<void> {
  for (const close of closers.toReversed()) await close();
}

function reachNrp({ nrp }: Config, log: FastifyBaseLogger): NrpClient | undefined {
  if (nrp !== undefined) return createNrpClient({ armUrl: nrp.armUrl, credential: createCredential(process.env) });
  log.warn(
    "NRP can't be reached, because LINKGATE_ARM_URL is not set: private endpoints are not told when they are " +
      "disconnected, and a restored registry can't be reconciled, only released without",
  );
  return undefined;
}

function openArmCertificates(
  config: Config,
  log: FastifyBaseLogger,
  closers: (() => Promise<void>)[],
): ArmCertificates {
  const { clientCertificates } = config.arm;
  if (!("metadataUrl" in clientCertificates)) return pinCertificates(clientCertificates);
  const published = followCertificates({ url: clientCertificates.metadataUrl, log });
  closers.push(() => published.stop());
  return published;
}

/** Opened first and closed last, so that probes are answered while the api starts and while it drains. */
async function openHealth(
  { health }: Config,
  closers: (() => Promise<void>)[],
  readiness: Readiness,
): Promise<string | undefined> {
  if (health === undefined) return undefined;
  const server = buildHealthServer(readiness);
  server.listen(health.listen);
  await once(server, "listening");
  closers.push(async () => {
    server.close();
    server.closeAllConnections();
  });
  return urlOf(server.address(), health.listen.host, "http");
}

async function databaseUrl(
  config: Config,
  closers: (() => Promise<void>)[],
  fail: (error: Error) => void,
): Promise<string> {
  if (config.databaseUrl !== undefined) return config.databaseUrl;
  if (config.dataDir === undefined) throw new Error("neither a database nor a folder for one is configured");
  const server: EmbeddedPostgres = await startEmbeddedPostgres({ dataDir: config.dataDir });
  closers.push(() => server.stop());
  void server.lost.then(fail);
  return server.url;
}

async function waitForDatabase(database: OpenDatabase, log: FastifyBaseLogger, signal?: AbortSignal): Promise<void> {
  for (let pause = RETRY.first; ; pause = Math.min(pause * 2, RETRY.longest)) {
    try {
      return await migrateToLatest(database.db);
    } catch (error) {
      if (!isDatabaseUnavailable(error)) throw error;
      log.warn({ reason: (error as Error).message, retryIn: pause }, "waiting for the database");
      await delay(pause * 1000, undefined, signal === undefined ? {} : { signal });
    }
  }
}

async function buildFeedApp(config: Config, database: OpenDatabase, log: FastifyBaseLogger): Promise<FastifyInstance> {
  const app = bareApp(config.feed.tls, log, (request, reply) => void writeRefusal(unreadablePath(), request, reply));
  await app.register(feedRoutes, { database, tokensFile: config.feed.tokensFile });
  return app;
}

async function buildAdminApp(
  config: Config,
  database: OpenDatabase,
  nrp: NrpClient | undefined,
  log: FastifyBaseLogger,
): Promise<FastifyInstance> {
  const app = bareApp(config.admin.tls, log, refuseUnreadablePath);
  const { zones, maxConnections } = config;
  const { tokens, onBehalfOf } = config.admin;
  await app.register(adminRoutes, { database, nrp, tokens, onBehalfOf, zones, maxConnections });
  return app;
}

/** @param refuse answers a request whose path can't be read, in the words of the app */
function bareApp(
  tls: Tls | undefined,
  log: FastifyBaseLogger,
  refuse: (request: FastifyRequest, reply: FastifyReply) => void,
): FastifyInstance {
  const options = {
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    frameworkErrors: (_error: Error, request: unknown, reply: unknown) =>
      refuse(request as FastifyRequest, reply as FastifyReply),
  };
  return tls === undefined
    ? Fastify(options)
    : (Fastify({ ...options, https: { ...tls } }) as unknown as FastifyInstance);
}

async function listen(app: FastifyInstance, { host, port }: Listen, protocol: "http" | "https"): Promise<string> {
  await app.listen({ host, port });
  return urlOf(app.server.address(), host, protocol);
}

function urlOf(address: AddressInfo | string | null, host: string, protocol: "http" | "https"): string {
  if (address === null || typeof address === "string") throw new Error("a listener has no port");
  const reachable = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `${protocol}://${reachable}:${address.port}`;
}

async function close(app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), GRACE);
  await app.close();
  clearTimeout(timer);
}
