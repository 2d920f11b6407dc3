import type { TokenCredential } from "@azure/identity";

// THE ONE FILE WITHOUT A PUBLIC MODEL. That the resource provider may read, write and delete
// `Microsoft.Network/privateEndpoints/privateLinkServiceProxies` is published; what such a resource looks like is not
// (arm-contract 1.5 and 5, design 5 "account"). The members below are those of the public types that NRP's documents
// are made of (arm-contract 1.2). If Azure's own differ, this file changes, and the sandbox's `nrp/proxy-routes.ts`.

/** What NRP knows of one connection of a private endpoint. */
export interface NrpProxy {
  /** The ARM id by which it is asked for. */
  readonly id: string;
  /** `{peName}.{guid}`, the name of proxy and connection here. */
  readonly name: string;
  /** ARM id of the account that the endpoint is connected to. */
  readonly accountId: string;
  /** Pending, Approved, Rejected or Disconnected, as far as NRP was told. */
  readonly status: string;
  /** Unsigned 32-bit, ascending, each once. */
  readonly linkIds: readonly number[];
}

/** NRP, as the resource provider reaches it: through ARM, as itself. */
export interface NrpClient {
  /**
   * What NRP knows of a proxy; undefined when it, or all that it lies in, is gone.
   *
   * @param id ARM id, see {@link proxyIdOf}
   * @throws NrpUnanswered
   */
  findProxy(id: string): Promise<NrpProxy | undefined>;
  /**
   * All that NRP has for an account; undefined when NRP offers no such list.
   *
   * @throws NrpUnanswered
   */
  listProxies(accountId: string): Promise<NrpProxy[] | undefined>;
  /**
   * Tells what has become of a connection on this side. Telling it twice is telling it once; an endpoint that is gone
   * needs no telling.
   *
   * @param signal gives up
   * @throws NrpUnanswered
   */
  tell(id: string, connectionId: string, state: ToldState, signal: AbortSignal): Promise<void>;
}

/** What NRP is told of a connection. */
export interface ToldState {
  readonly status: "Approved" | "Rejected" | "Disconnected";
  /** For the owner of the endpoint. */
  readonly description: string;
}

/** NRP or ARM could not be reached, refused, or answered what can't be understood. Nothing may be concluded from it. */
export class NrpUnanswered extends Error {
  override readonly name = "NrpUnanswered";
}

export interface NrpClientOptions {
  /** Base URL of Azure Resource Manager; its tokens are for `{armUrl}/.default`. */
  readonly armUrl: string;
  readonly credential: TokenCredential;
}

const API_VERSION = "2024-05-01";
/** Milliseconds. ARM itself gives up after 60 s (arm-contract 4.1). */
const TIMEOUT = 65_000;
/** ARM's codes for "it is not there", of the resource and of whatever it would lie in (arm-contract 4.3). */
const GONE = new Set([
  "NotFound",
  "ResourceNotFound",
  "ParentResourceNotFound",
  "ResourceGroupNotFound",
  "SubscriptionNotFound",
]);
const PROXY_ID =
  /^\/subscriptions\/[\w-]+\/resourceGroups\/[\w.()-]+\/providers\/Microsoft\.Network\/privateEndpoints\/[\w.-]+\/privateLinkServiceProxies\/[\w.-]+$/i;

/**
 * The ARM id of NRP's side of a connection: the one that NRP sent, or composed from the endpoint's.
 *
 * @param endpoint `remotePrivateEndpoint` as NRP sent it
 * @returns undefined when neither is the id of such a resource
 */
export function proxyIdOf(endpoint: Record<string, unknown>, name: string): string | undefined {
  const [sent] = Array.isArray(endpoint.privateLinkServiceProxies) ? endpoint.privateLinkServiceProxies : [];
  const candidates = [(sent as { id?: unknown } | undefined)?.id, `${endpoint.id}/privateLinkServiceProxies/${name}`];
  return candidates.find((id): id is string => typeof id === "string" && PROXY_ID.test(id));
}

/** Makes a client; nothing is sent before it is used. Whom TLS trusts is Node's matter (`NODE_EXTRA_CA_CERTS`). */
export function createNrpClient({ armUrl, credential }: NrpClientOptions): NrpClient {
  const base = armUrl.replace(/\/+$/, "");
  const send = async (method: string, url: string, body?: object, stop?: AbortSignal): Promise<Reply> => {
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT), ...(stop === undefined ? [] : [stop])]);
      const token = await credential.getToken(`${base}/.default`, { abortSignal: signal });
      if (token === null) throw new Error("the credential has no token");
      const response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${token.token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: "error",
        signal,
      });
      return { status: response.status, body: parseJson(await response.text()) };
    } catch (error) {
      throw new NrpUnanswered(`${method} ${new URL(url).pathname}: ${reasonOf(error)}`);
    }
  };
  const urlOf = (path: string): string => `${base}${encodeURI(path)}?api-version=${API_VERSION}`;

  return {
    async findProxy(id) {
      const reply = await send("GET", urlOf(id));
      if (isGone(reply)) return undefined;
      if (reply.status !== 200) throw refused("GET", id, reply);
      return readProxy(reply.body, id);
    },
    async listProxies(accountId) {
      const proxies: NrpProxy[] = [];
      const path = `${accountId}/providers/Microsoft.Network/privateLinkServiceProxies`;
      for (let url: string | undefined = urlOf(path); url !== undefined; ) {
        const reply = await send("GET", url);
        if (isGone(reply)) return undefined;
        const { value, nextLink } = (reply.body ?? {}) as { value?: unknown; nextLink?: unknown };
        if (reply.status !== 200 || !Array.isArray(value)) throw refused("GET", path, reply);
        proxies.push(...value.map(one => readProxy(one, path)));
        url = readNextLink(nextLink, base);
      }
      return proxies;
    },
    async tell(id, connectionId, state, signal) {
      const reply = await send("PUT", urlOf(id), stateOf(connectionId, state), signal);
      if (!isGone(reply) && (reply.status < 200 || reply.status > 299)) throw refused("PUT", id, reply);
    },
  };
}

const stateOf = (connectionId: string, { status, description }: ToldState): object => ({
  properties: {
    remotePrivateEndpointConnection: { id: connectionId },
    remotePrivateLinkServiceConnectionState: { status, description, actionsRequired: "None" },
  },
});

interface Reply {
  readonly status: number;
  /** Parsed JSON; undefined for anything else. */
  readonly body: unknown;
}

/** A 404 that ARM did not write, such as a wrong URL's, says nothing of the endpoint. */
function isGone({ status, body }: Reply): boolean {
  return status === 404 && GONE.has(errorOf(body).code);
}

function refused(method: string, path: string, { status, body }: Reply): NrpUnanswered {
  const { code, message } = errorOf(body);
  return new NrpUnanswered(`${method} ${path}: HTTP status ${status}${code === "" ? "" : `, ${code}: ${message}`}`);
}

function errorOf(body: unknown): { code: string; message: string } {
  const error = (body as { error?: { code?: unknown; message?: unknown } } | null | undefined)?.error;
  return {
    code: typeof error?.code === "string" ? error.code : "",
    message: typeof error?.message === "string" ? error.message : "",
  };
}

function readProxy(body: unknown, asked: string): NrpProxy {
  const { id, name, properties } = (body ?? {}) as { id?: unknown; name?: unknown; properties?: ProxyProperties };
  const status = properties?.remotePrivateLinkServiceConnectionState?.status;
  const accountId = properties?.privateLinkServiceId;
  const details = properties?.connectionDetails;
  const texts = Array.isArray(details) ? details.map(detail => detail?.linkIdentifier) : undefined;
  const linkIds = texts?.filter(text => text !== undefined).map(readLinkId);
  if (
    typeof id !== "string" ||
    typeof name !== "string" ||
    typeof status !== "string" ||
    typeof accountId !== "string" ||
    linkIds === undefined ||
    linkIds.includes(undefined)
  ) {
    throw new NrpUnanswered(`GET ${asked}: the answer is no private link service proxy`);
  }
  const known = linkIds.filter(link => link !== undefined);
  return { id, name, status, accountId, linkIds: [...new Set(known)].sort((a, b) => a - b) };
}

/** The token goes with it, so it goes to ARM alone. */
function readNextLink(link: unknown, base: string): string | undefined {
  if (typeof link !== "string" || link === "") return undefined;
  if (!link.startsWith(`${base}/`)) throw new NrpUnanswered("GET: the next page lies somewhere else than at ARM");
  return link;
}

interface ProxyProperties {
  readonly privateLinkServiceId?: unknown;
  readonly remotePrivateLinkServiceConnectionState?: { readonly status?: unknown };
  readonly connectionDetails?: unknown;
}

/** Canonical decimal, 1 to 4294967295, as in NRP's own calls (design 5 "link ids"). */
function readLinkId(text: unknown): number | undefined {
  const link = typeof text === "string" && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
  return link >= 1 && link <= 0xffffffff ? link : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` hides what went wrong in its error's cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
