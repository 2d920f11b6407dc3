import { randomUUID } from "node:crypto";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { Agent, type Dispatcher, request } from "undici";
import { expect } from "vitest";
import { contract } from "../../../src/contract/contract.ts";
import { type OpenDatabase, openDatabase } from "../../../src/database/open.ts";
import { startTestApi, type TestApi, type TestApiOptions } from "../../support/api.ts";
import { makeCertificate } from "../../support/certificates.ts";
import { createAccount, expectStatus, nextLinkId, proxyBody, proxyPath } from "../../support/documents.ts";
import { Azure } from "./azure.ts";
import { Entra, type Person } from "./entra.ts";

export interface AdminAnswer {
  readonly status: number;
  readonly headers: Record<string, string | undefined>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read documents member by member
  readonly body: any;
}

/** The admin API on a real registry, with the authority and ARM that it needs, all over HTTPS. */
export class World {
  readonly api: TestApi;
  readonly entra: Entra;
  readonly azure: Azure;
  readonly database: OpenDatabase;
  readonly agent: Agent;

  private constructor(api: TestApi, entra: Entra, azure: Azure) {
    this.api = api;
    this.entra = entra;
    this.azure = azure;
    this.database = openDatabase(api.databaseUrl);
    this.agent = new Agent({ connect: { ca: api.serverCertificate } });
  }

  /** @param options without `databaseUrl` a database is made on the cluster of the test run */
  static async start(options: Pick<TestApiOptions, "settings" | "databaseUrl"> = {}): Promise<World> {
    const certificate = await makeCertificate("azure");
    // What NODE_EXTRA_CA_CERTS does for a process of its own.
    setDefaultCACertificates([...getCACertificates("default"), certificate.cert]);
    const entra = await Entra.start(certificate);
    const azure = await Azure.start(certificate, entra);
    const onBehalfOf = { ...entra.client, armUrl: azure.url };
    const api = await startTestApi({ ...options, admin: { tokens: entra.rules, onBehalfOf } });
    azure.connect(api.nrp);
    return new World(api, entra, azure);
  }

  async stop(): Promise<void> {
    await this.agent.destroy();
    await this.database.close();
    await this.api.stop();
    await this.azure.stop();
    await this.entra.stop();
  }

  /** A call of the admin API, with the token as it is. Every answer is held to the contract. */
  async call(method: string, path: string, token?: string, body?: unknown): Promise<AdminAnswer> {
    const answer = await request(`${this.api.urls.adminUrl}/admin/v1/${path}`, {
      method: method as Dispatcher.HttpMethod,
      dispatcher: this.agent,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    const headers = answer.headers as Record<string, string | undefined>;
    const isJson = String(headers["content-type"] ?? "").startsWith("application/json");
    const parsed = isJson ? JSON.parse(text) : undefined;
    expectHeaders(headers);
    expectInContract(method, path, answer.statusCode, parsed);
    return { status: answer.statusCode, headers, text, body: parsed };
  }

  async get(path: string, person: Person): Promise<AdminAnswer> {
    return await this.call("GET", path, await this.entra.person(person));
  }

  async decide(person: Person, action: string, connections: object[], comment?: string): Promise<AdminAnswer> {
    const body = { action, connections, ...(comment === undefined ? {} : { comment }) };
    return await this.call("POST", "decisions", await this.entra.person(person), body);
  }

  /** An account with pending connections of these names. */
  async request(account: string, ...names: string[]): Promise<void> {
    await createAccount(this.api.nrp, account);
    for (const name of names) {
      expectStatus(await this.api.nrp.put(proxyPath(account, name), proxyBody(name, "manual", [nextLinkId()])), 201);
    }
  }
}

function expectHeaders(headers: Record<string, string | undefined>): void {
  expect(headers).toMatchObject({
    "x-correlation-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": expect.stringContaining("frame-ancestors 'none'"),
  });
  expect(headers["set-cookie"]).toBeUndefined();
  expect(headers["access-control-allow-origin"]).toBeUndefined();
}

function expectInContract(method: string, path: string, status: number, body: unknown): void {
  const wanted = `/admin/v1/${path.split("?", 1)[0]}`;
  const operation = contract.operations.find(
    one =>
      one.service === "admin" &&
      one.method === method &&
      new RegExp(`^${one.route.replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+")}$`).test(wanted),
  );
  const problem = operation?.validateResponse(status, body);
  expect(problem, `${method} ${path} ${status} ${JSON.stringify(body)}`).toBeUndefined();
}

export const READER = ["*/read"];
export const DATA_ADMIN = [
  "Microsoft.HealthcareApis/services/read",
  "Microsoft.HealthcareApis/services/privateEndpointConnections/*",
];

/** Somebody of the tenant of whom ARM has not been asked yet. */
export function newPerson(name: string): Person {
  return { oid: randomUUID(), name };
}
