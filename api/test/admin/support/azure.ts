import { randomUUID } from "node:crypto";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Certificate } from "../../support/certificates.ts";
import type { Answer, ArmClient } from "../../support/client.ts";
import type { Entra } from "./entra.ts";

/** A role of somebody at a scope and below. */
export interface Assignment {
  readonly oid: string;
  readonly scope: string;
  readonly actions: readonly string[];
  readonly notActions?: readonly string[];
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly oid: string;
  readonly correlationId: string;
}

const SERVICES = "Microsoft.HealthcareApis/services";

/**
 * ARM and NRP over HTTPS: checks the token, evaluates roles at every scope, and has the api carry out a customer's write
 * by calling its ARM listener as NRP does.
 */
export class Azure {
  readonly assignments: Assignment[] = [];
  readonly calls: Call[] = [];
  /** Runs before a person's subscriptions are listed. */
  beforeList: (() => Promise<void>) | undefined;
  /** Runs before a write goes on to the api. */
  beforeWrite: ((call: Call) => Promise<void>) | undefined;
  /** What a write is answered with instead of being carried out. */
  answerWrite: { status: number; body: object; headers?: Record<string, string> } | undefined;
  /** What operations are said to have come to, instead of what the api says of them. */
  answerOperation: object | undefined;
  /** What every call is answered with, while it is set. */
  trouble: number | undefined;
  url = "";
  readonly #app: FastifyInstance;
  readonly #entra: Entra;
  #nrp: ArmClient | undefined;

  private constructor(certificate: Certificate, entra: Entra) {
    this.#entra = entra;
    const options = { https: certificate, routerOptions: { caseSensitive: false, maxParamLength: 300 } };
    this.#app = Fastify({ ...options, forceCloseConnections: true }) as unknown as FastifyInstance;
    this.#app.all("/*", (request, reply) => this.#answer(request, reply));
  }

  static async start(certificate: Certificate, entra: Entra): Promise<Azure> {
    const azure = new Azure(certificate, entra);
    const address = await azure.#app.listen({ host: "127.0.0.1", port: 0 });
    azure.url = `https://localhost:${new URL(address).port}`;
    return azure;
  }

  /** @param nrp calls the api as ARM does for NRP */
  connect(nrp: ArmClient): void {
    this.#nrp = nrp;
  }

  async stop(): Promise<void> {
    await this.#app.close();
  }

  assign(oid: string, scope: string, actions: readonly string[], notActions: readonly string[] = []): void {
    this.assignments.push({ oid, scope, actions, notActions });
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    if (this.trouble !== undefined) return this.#refuse(reply, this.trouble, "InternalServerError", "trouble");
    const oid = await this.#identify(request.headers.authorization);
    if (oid === undefined) return this.#refuse(reply, 401, "InvalidAuthenticationToken", "no good token");
    const path = decodeURI(request.url.split("?", 1)[0] ?? "");
    const correlationId = String(request.headers["x-ms-correlation-request-id"] ?? randomUUID());
    const call = { method: request.method, path, oid, correlationId };
    this.calls.push(call);
    if (path === "/subscriptions") {
      await this.beforeList?.();
      return { value: this.#subscriptionsOf(oid) };
    }
    const [, scope] = /^(.*)\/providers\/Microsoft\.Authorization\/permissions$/i.exec(path) ?? [];
    if (scope !== undefined) return { value: this.#rolesAt(oid, scope) };
    if (/^\/subscriptions\/[^/]+\/providers\/Microsoft\.HealthcareApis\/services$/i.test(path)) {
      return this.#listServices(oid, path);
    }
    if (/\/operationresults\//i.test(path))
      return this.answerOperation ?? relay(reply, await this.#api.get(request.url));
    const action = `${SERVICES}/privateEndpointConnections/${request.method === "DELETE" ? "delete" : "write"}`;
    if (!this.#may(oid, action, path)) {
      const message = `The client '${oid}' does not have authorization to perform action '${action}' over scope '${path}'.`;
      return this.#refuse(reply, 403, "AuthorizationFailed", message);
    }
    await this.beforeWrite?.(call);
    if (this.answerWrite !== undefined) {
      return reply
        .status(this.answerWrite.status)
        .headers(this.answerWrite.headers ?? {})
        .send(this.answerWrite.body);
    }
    const headers = { "x-ms-correlation-request-id": correlationId, referer: `${this.url}${request.url}` };
    const body = request.method === "PUT" ? { body: request.body } : {};
    return relay(reply, await this.#api.call(request.method, request.url, { headers, ...body }));
  }

  get #api(): ArmClient {
    if (this.#nrp === undefined) throw new Error("ARM is not connected to the api yet");
    return this.#nrp;
  }

  async #identify(authorization: string | undefined): Promise<string | undefined> {
    const token = /^Bearer (.+)$/.exec(authorization ?? "")?.[1] ?? "";
    const payload = await this.#entra.verify(token, this.url).catch(() => undefined);
    return payload?.oid as string | undefined;
  }

  #subscriptionsOf(oid: string): object[] {
    const own = this.assignments.filter(one => one.oid === oid).map(({ scope }) => scope.split("/")[2]);
    return [...new Set(own)].map(subscriptionId => ({ id: `/subscriptions/${subscriptionId}`, subscriptionId }));
  }

  async #listServices(oid: string, path: string): Promise<object> {
    const { body } = await this.#api.get(path);
    const listed = body.value as { id: string }[];
    return { value: listed.filter(({ id }) => this.#may(oid, `${SERVICES}/read`, id)) };
  }

  #rolesAt(oid: string, scope: string): { actions: readonly string[]; notActions: readonly string[] }[] {
    const inherited = this.assignments.filter(
      one => one.oid === oid && `${scope}/`.toLowerCase().startsWith(`${one.scope}/`.toLowerCase()),
    );
    return inherited.map(({ actions, notActions = [] }) => ({ actions, notActions }));
  }

  #may(oid: string, action: string, scope: string): boolean {
    const covers = (pattern: string): boolean =>
      new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}$`, "i").test(action);
    return this.#rolesAt(oid, scope).some(
      ({ actions, notActions }) => actions.some(covers) && !notActions.some(covers),
    );
  }

  #refuse(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
    return reply.status(status).send({ error: { code, message } });
  }
}

function relay(reply: FastifyReply, answer: Answer): FastifyReply {
  for (const name of ["azure-asyncoperation", "location", "retry-after"]) {
    const value = answer.headers[name];
    if (value !== undefined) reply.header(name, value);
  }
  reply.status(answer.status).type("application/json");
  return reply.send(answer.text);
}
