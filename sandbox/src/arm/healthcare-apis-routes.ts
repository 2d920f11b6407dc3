import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { armErrors } from "./errors.ts";
import type { ProviderAnswer, ProviderHop, ProviderRequest } from "./provider-hop.ts";
import { isTrackedCollection, type ResourcePath, sameName } from "./resource-path.ts";

/** Told when an account is there and when it is gone; calls for one account come one after another. */
export interface AccountWatcher {
  appeared(account: string): Promise<void>;
  vanished(account: string): Promise<void>;
}

/** Does a customer's write of a connection in the customer's place (clients.md, decision 1). */
export type CustomerWrite = (
  request: Pick<ProviderRequest, "method" | "target" | "headers" | "body" | "correlationId">,
) => Promise<ProviderAnswer>;

export interface HealthcareApisOptions {
  hop: ProviderHop;
  nrpAppId: string;
  watcher: AccountWatcher;
  /** Absent: such a write goes to the provider as it is, and the provider tells NRP. */
  customerWrite?: CustomerWrite;
}

const readAccount = "Microsoft.HealthcareApis/services/read";
const watchIntervalMs = 500;

/** Everything under Microsoft.HealthcareApis: forwarded to the provider, but for customers' writes of connections, unless it takes those too. */
export async function healthcareApisRoutes(app: FastifyInstance, options: HealthcareApisOptions): Promise<void> {
  const namespace = "providers/Microsoft.HealthcareApis";
  const group = `/subscriptions/:subscription/resourcegroups/:group/${namespace}`;
  const systemData = new Map<string, Record<string, string>>();
  const stopping = new AbortController();
  app.addHook("onClose", async () => stopping.abort());

  // The provider gets the path as it came, so it must be one that can be read in one way only.
  app.addHook("onRequest", async request => {
    if (request.raw.url?.split("?", 1)[0]?.includes("//")) throw armErrors.badPath();
  });

  const forward = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { path, caller, correlationId } = request.arm;
    const stamp = composeSystemData(request, systemData);
    const outgoing: ProviderRequest = {
      method: request.method,
      target: request.raw.url ?? "/",
      headers: request.headers,
      body: Buffer.isBuffer(request.body) ? request.body : undefined,
      caller,
      clientAddress: request.ip,
      correlationId,
      ...(stamp ? { systemData: stamp } : {}),
    };
    const answer = await options.hop.send(outgoing);
    await notice(outgoing, path, answer);
    if (request.method !== "GET" || answer.status !== 200 || !isTrackedCollection(path)) return relay(reply, answer);
    return relay(reply, { ...answer, body: cutList(answer.body, id => request.arm.may(readAccount, id)) });
  };

  const notice = async (request: ProviderRequest, path: ResourcePath, answer: ProviderAnswer): Promise<void> => {
    const [account] = path.names;
    if (account === undefined || path.types.length !== 1 || path.types[0]?.toLowerCase() !== "services") return;
    const done = answer.status >= 200 && answer.status < 300;
    if (done && request.systemData) systemData.set(resourceKey(request.target), request.systemData);
    if (request.method === "DELETE" && done) {
      if (answer.status === 204) await forget(request.target, account);
      else void watchDeletion(request, account);
    } else if (done && !/"provisioningState"\s*:\s*"Deleting"/.test(answer.body.toString("utf8"))) {
      await options.watcher.appeared(account);
    }
  };

  const forget = async (target: string, account: string): Promise<void> => {
    systemData.delete(resourceKey(target));
    await options.watcher.vanished(account);
  };

  /** ARM follows a deletion to its end, whether or not the customer does. */
  const watchDeletion = async (request: ProviderRequest, account: string): Promise<void> => {
    const { systemData: _stamp, body: _body, ...rest } = request;
    while (!stopping.signal.aborted) {
      try {
        await delay(watchIntervalMs, undefined, { signal: stopping.signal });
        const answer = await options.hop.send({ ...rest, body: undefined, method: "GET" });
        if (answer.status === 404) return await forget(request.target, account);
        // Somebody created the account again under the same name.
        if (answer.status === 200 && !answer.body.includes('"Deleting"')) return;
      } catch {
        // The provider is down for now, or the sandbox stops.
      }
    }
  };

  app.route({
    method: ["PUT", "DELETE"],
    url: `${group}/services/:name/privateEndpointConnections/:connection`,
    handler: async (request, reply) => {
      const isNrp = sameName(request.arm.caller.appId, options.nrpAppId);
      if (isNrp || !options.customerWrite) return forward(request, reply);
      const answer = await options.customerWrite({
        method: request.method,
        target: request.raw.url ?? "/",
        headers: request.headers,
        body: Buffer.isBuffer(request.body) ? request.body : undefined,
        correlationId: request.arm.correlationId,
      });
      return relay(reply, answer);
    },
  });
  for (const prefix of [group, `/subscriptions/:subscription/${namespace}`, `/${namespace}`]) {
    app.route({
      method: ["GET", "PUT", "PATCH", "POST", "DELETE"],
      url: `${prefix}/*`,
      handler: forward,
    });
  }
}

function relay(reply: FastifyReply, answer: ProviderAnswer): FastifyReply {
  reply.code(answer.status).headers(answer.headers);
  return answer.body.length > 0 ? reply.send(answer.body) : reply.send();
}

/** A page of a list without what its reader may not read; the link to the next page stays. */
function cutList(body: Buffer, mayRead: (id: string) => boolean): Buffer {
  const page = JSON.parse(body.toString("utf8")) as { value: { id: string }[] };
  return Buffer.from(JSON.stringify({ ...page, value: page.value.filter(one => mayRead(one.id)) }));
}

function resourceKey(target: string): string {
  return target.split("?", 1)[0]?.toLowerCase() ?? "";
}

/**
 * `x-ms-arm-resource-system-data` of a write or an action (ARM contract 4.1). ARM remembers who created a tracked
 * resource; of its children the provider does; actions carry only who changed it last.
 */
function composeSystemData(
  request: FastifyRequest,
  known: ReadonlyMap<string, Record<string, string>>,
): Record<string, string> | undefined {
  if (!["PUT", "PATCH", "POST"].includes(request.method)) return undefined;
  const now = new Date().toISOString();
  const { appId, userName } = request.arm.caller;
  const by = userName ?? appId;
  const kind = userName === undefined ? "Application" : "User";
  const changed = { lastModifiedBy: by, lastModifiedByType: kind, lastModifiedAt: now };
  if (request.method === "POST") return changed;
  const created = { createdBy: by, createdByType: kind, createdAt: now };
  return { ...created, ...known.get(resourceKey(request.raw.url ?? "/")), ...changed };
}
