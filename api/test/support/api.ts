import { createHash, X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { type RunningApi, startApi } from "../../src/app.ts";
import type { Config } from "../../src/config.ts";
import { CONTRACT_BREACH } from "../../src/contract/answers.ts";
import type { NrpClient } from "../../src/nrp/client.ts";
import { type Certificate, makeCertificate } from "./certificates.ts";
import { ArmClient } from "./client.ts";
import { TestGate } from "./gate.ts";
import { createTestDatabase } from "./postgres.ts";

export const NRP = "6d057c82-a784-47ae-8d12-ca7b38cf06b4";
export const CUSTOMER = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
const TOKEN = "token-of-the-test-gate";

export interface TestApiOptions {
  /** What differs from the settings below. */
  readonly settings?: Partial<
    Pick<Config, "customerWrites" | "health" | "linkQuarantine" | "maxConnections" | "nrp" | "retryAfter" | "zones">
  >;
  /** Whose tokens the admin listener takes, and how it asks ARM; otherwise nobody's. */
  readonly admin?: Pick<Config["admin"], "tokens" | "onBehalfOf">;
  /** A database of the test's own; without it one is made. */
  readonly databaseUrl?: string;
  /** Where ARM publishes its certificates; without it they are pinned. */
  readonly metadataUrl?: string;
  /** NRP, as the api reaches it; without it the api has no way there. */
  readonly nrpClient?: NrpClient;
  /** Gets what the api logs. */
  readonly logged?: string[];
}

/** A real api on a real database, spoken to over HTTPS the way ARM does. */
export interface TestApi {
  /** ARM calling for NRP. */
  readonly nrp: ArmClient;
  /** ARM calling for somebody else. */
  readonly customer: ArmClient;
  /** ARM that doesn't say for whom. */
  readonly anonymous: ArmClient;
  readonly databaseUrl: string;
  readonly urls: RunningApi;
  readonly armCertificate: Certificate;
  /** PEM, whom a client has to trust. */
  readonly serverCertificate: string;
  /** Everything the api has logged, one JSON text a line. */
  readonly logged: string[];
  /** The name and token of the one gate that this api lets in. */
  readonly gateAccess: { readonly name: string; readonly token: string };
  /** A gate that follows this api's feed. */
  gate(maxAge?: number): TestGate;
  /** Ends the api and starts it again on the same database, other ports. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts an api for one test file. */
export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const database = options.databaseUrl === undefined ? await createTestDatabase() : undefined;
  const databaseUrl = options.databaseUrl ?? database?.url ?? "";
  const folder = await mkdtemp(join(tmpdir(), "linkgate-api-"));
  const [server, arm] = await Promise.all([makeCertificate("api"), makeCertificate("arm")]);
  const tokensFile = join(folder, "tokens.json");
  await writeFile(tokensFile, JSON.stringify({ test: [createHash("sha256").update(TOKEN).digest("hex")] }));
  const listen = { host: "127.0.0.1", port: 0 };
  const config: Config = {
    databaseUrl,
    arm: {
      listen,
      tls: server,
      clientCertificates:
        options.metadataUrl === undefined ? [new X509Certificate(arm.cert).raw] : { metadataUrl: options.metadataUrl },
      nrpAppIds: new Set([NRP]),
    },
    feed: { listen, tokensFile },
    admin: {
      listen,
      tls: server,
      tokens: {
        issuers: ["https://localhost/issuer"],
        audiences: ["api"],
        jwksUrl: "https://localhost/keys",
        tenantId: "tenant",
        scope: "user_impersonation",
      },
      ...options.admin,
    },
    zones: [{ public: "azurehealthcareapis.com", private: "privatelink.azurehealthcareapis.com" }],
    customerWrites: false,
    maxConnections: 5,
    linkQuarantine: 0,
    retryAfter: 1,
    ageMargin: 0,
    ...options.settings,
  };
  const logged = options.logged ?? [];
  const breaches: string[] = [];
  const log = pino(
    {},
    {
      write(line) {
        logged.push(line);
        if (line.includes(CONTRACT_BREACH)) breaches.push(line);
      },
    },
  );
  const started = { log, ...(options.nrpClient === undefined ? {} : { nrp: options.nrpClient }) };
  let urls = await startApi(config, started);
  const clients = { ca: server.cert, certificate: arm };
  const nrp = new ArmClient(urls.armUrl, { ...clients, appId: NRP });
  const customer = new ArmClient(urls.armUrl, { ...clients, appId: CUSTOMER });
  const anonymous = new ArmClient(urls.armUrl, clients);
  const all = [nrp, customer, anonymous];
  return {
    nrp,
    customer,
    anonymous,
    databaseUrl,
    get urls() {
      return urls;
    },
    armCertificate: arm,
    serverCertificate: server.cert,
    logged,
    gateAccess: { name: "test", token: TOKEN },
    gate: (maxAge = 3600) => new TestGate(() => urls.feedUrl, "test", TOKEN, maxAge),
    async restart() {
      await urls.stop();
      urls = await startApi(config, started);
      for (const client of all) client.moveTo(urls.armUrl);
    },
    async stop() {
      await Promise.all(all.map(client => client.close()));
      await urls.stop();
      await database?.drop();
      await rm(folder, { recursive: true, force: true });
      // In production an answer outside the contract is an error in the log; no test may leave one there.
      if (breaches.length > 0) throw new Error(breaches.join(""));
    },
  };
}
