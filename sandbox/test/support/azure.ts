import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Agent } from "undici";
import { type Application, createApplications, subscriptionId, tenantId } from "../../src/authority/applications.ts";
import { type Authority, startAuthority } from "../../src/authority/authority.ts";
import { createPeople, type Person } from "../../src/authority/people.ts";
import { type Certificates, createCertificates } from "../../src/certificates.ts";
import { type FhirServices, startFhirServices } from "../../src/fhir/services.ts";
import { closeServer, listenOnLoopback } from "../../src/listener.ts";
import { type Azure, startAzure } from "../../src/services.ts";
import { createTokenSource } from "../../src/token-source.ts";

export const group = `/subscriptions/${subscriptionId}/resourceGroups/linkgate`;
export const services = `${group}/providers/Microsoft.HealthcareApis/services`;
export const endpoints = `${group}/providers/Microsoft.Network/privateEndpoints`;

/** What the double of the provider received. */
export interface Received {
  method: string;
  target: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface DoubleAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
export type Json = any;

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Json;
}

/** ARM, NRP, authority and FHIR services, with a provider that answers what the test says: only so can a test see what ARM sends. */
export interface TestAzure {
  arm: Azure;
  authority: Authority;
  applications: Application[];
  /** @param key As in `stack.json`. */
  person(key: string): Person;
  certificates: Certificates;
  fhir: FhirServices;
  received: Received[];
  /** What the provider answers from now on; without an answer 404. */
  answer(respond: (request: Received) => DoubleAnswer | undefined): void;
  providerUrl: string;
  /** Sends from now on to where nobody listens. */
  loseProvider(): void;
  token(name: string): Promise<string>;
  call(name: string, method: string, target: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  stop(): Promise<void>;
}

export async function startTestAzure(options: { customerWrites?: boolean } = {}): Promise<TestAzure> {
  const folder = await mkdtemp(join(tmpdir(), "linkgate-sandbox-"));
  const certificates = await createCertificates(join(folder, "private"));
  const applications = createApplications();
  const people = createPeople();
  const authority = await startAuthority({ server: certificates.server, applications, people });
  const fhir = await startFhirServices();
  const received: Received[] = [];
  let respond: (request: Received) => DoubleAnswer | undefined = () => undefined;
  const provider = createServer(
    {
      cert: certificates.server.certificate,
      key: certificates.server.key,
      ca: certificates.ca,
      requestCert: true,
      rejectUnauthorized: true,
    },
    async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = "", url: target = "", headers } = request;
      const seen = { method, target, headers, body: Buffer.concat(chunks).toString("utf8") };
      received.push(seen);
      const answer = respond(seen) ?? { status: 404, body: { error: { code: "ResourceNotFound", message: "gone" } } };
      response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
      response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
    },
  );
  let providerUrl = `https://localhost:${await listenOnLoopback(provider)}`;
  const arm = await startAzure({
    certificates,
    applications,
    people,
    authority,
    fhir,
    providerUrl: () => providerUrl,
    ...options,
  });
  const agent = new Agent({ connect: { ca: certificates.ca } });
  const sources = new Map(
    applications.map(application => [
      application.name,
      createTokenSource({ authority, ca: certificates.ca, application, resource: arm.url }),
    ]),
  );
  const token = async (name: string): Promise<string> => (await sources.get(name)?.get()) ?? "";
  return {
    arm,
    authority,
    applications,
    person(key) {
      const found = people.find(one => one.key === key);
      if (!found) throw new Error(`The sandbox has no ${key}.`);
      return found;
    },
    certificates,
    fhir,
    received,
    providerUrl,
    answer: next => {
      respond = next;
    },
    loseProvider: () => {
      providerUrl = "https://localhost:1";
    },
    token,
    async call(name, method, target, body, headers = {}) {
      const answer = await agent.request({
        origin: arm.url,
        path: target,
        method: method as "GET",
        headers: {
          ...(name === "" ? {} : { authorization: `Bearer ${await token(name)}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const text = await answer.body.text();
      return { status: answer.statusCode, headers: answer.headers, body: text === "" ? undefined : JSON.parse(text) };
    },
    async stop() {
      await arm.stop();
      await fhir.close();
      await authority.stop();
      await closeServer(provider);
      await Promise.all([...sources.values()].map(source => source.close()));
      await agent.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Long, for a whole stack may have to start on a machine that is busy, and stands still now and then. */
const limitMs = 240_000;

/** Polls until `look` gives something; the deadline is for a broken test, not part of it. */
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const isLast = performance.now() >= deadline;
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (isLast) throw new Error(`${what}: not within ${limitMs / 1000} s`);
    await delay(20);
  }
}

export { subscriptionId, tenantId };
