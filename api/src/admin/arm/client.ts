import {
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
  type HttpMethods,
  type PipelineResponse,
  RestError,
} from "@azure/core-rest-pipeline";
import { Refusal } from "../../feed/refusal.ts";
import type { Caller } from "../access/tokens.ts";
import type { OnBehalfOf } from "./on-behalf-of.ts";

/** One call of ARM in a person's name. */
export interface ArmRequest {
  readonly method: HttpMethods;
  /** ARM id, not percent-encoded; or an absolute URL that ARM gave, with its query. */
  readonly path: string;
  readonly apiVersion?: string;
  readonly body?: object;
  /** Travels through ARM to whoever does the work. */
  readonly correlationId: string;
}

/** ARM's answer, whatever its status. */
export interface ArmAnswer {
  readonly status: number;
  /** Parsed JSON; undefined for anything else. */
  readonly body: unknown;
  header(name: string): string | undefined;
}

/** Azure Resource Manager, as people reach it. The client has no identity of its own. */
export interface ArmClient {
  /**
   * @throws Refusal 401 or 503 where no token could be had for the person, 503 `ArmUnavailable` where ARM gave no answer
   */
  send(person: Caller, request: ArmRequest): Promise<ArmAnswer>;
  /** Every member of a list, over all its pages. An answer other than 200 ends it, and is returned. */
  list(
    person: Caller,
    request: Pick<ArmRequest, "path" | "apiVersion" | "correlationId">,
  ): Promise<unknown[] | ArmAnswer>;
}

/** Milliseconds for one attempt. ARM answers a write when NRP has; a person waits for it. */
const TIMEOUT = 30_000;
/** Pages of a list; ARM's have 100 members and more. */
const LONGEST_LIST = 200;

/**
 * Builds on the pipeline that Azure's SDKs are made of: its retries, its user agent, its request ids. The typed clients
 * offer no permissions call above a resource group and poll before they return (ADR on the way to ARM).
 *
 * @param armUrl base URL
 */
export function createArmClient(armUrl: string, onBehalfOf: OnBehalfOf): ArmClient {
  const base = new URL(armUrl).origin;
  const pipeline = createPipelineFromOptions({
    userAgentOptions: { userAgentPrefix: "linkgate" },
    retryOptions: { maxRetries: 2, retryDelayInMs: 200, maxRetryDelayInMs: 2000 },
    redirectOptions: { maxRetries: 0 },
  });
  const http = createDefaultHttpClient();

  const send: ArmClient["send"] = async (person, { method, path, apiVersion, body, correlationId }) => {
    const request = createPipelineRequest({
      url: path.startsWith("/") ? `${base}${encodeURI(path)}?api-version=${apiVersion}` : requireAt(base, path),
      method,
      timeout: TIMEOUT,
      headers: createHttpHeaders({
        authorization: `Bearer ${await onBehalfOf(person)}`,
        accept: "application/json",
        "x-ms-correlation-request-id": correlationId,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    try {
      return toAnswer(await pipeline.sendRequest(http, request));
    } catch (error) {
      const refusal = new Refusal(503, "ArmUnavailable", "Azure Resource Manager could not be reached right now");
      // The error of the pipeline holds the request, and the request the token.
      refusal.cause = error instanceof RestError ? `${error.code}: ${error.message}` : error;
      throw refusal;
    }
  };

  return {
    send,
    async list(person, request) {
      const members: unknown[] = [];
      let path: string | undefined = request.path;
      for (let page = 0; path !== undefined && page < LONGEST_LIST; page++) {
        const answer = await send(person, { ...request, method: "GET", path });
        if (answer.status !== 200) return answer;
        const { value, nextLink } = (answer.body ?? {}) as { value?: unknown; nextLink?: unknown };
        if (Array.isArray(value)) members.push(...value);
        path = typeof nextLink === "string" && nextLink !== "" ? nextLink : undefined;
      }
      return members;
    },
  };
}

/** The person's token goes with it, so it goes to ARM alone. */
function requireAt(base: string, url: string): string {
  if (URL.parse(url)?.origin === base) return url;
  throw new Refusal(503, "ArmUnavailable", "Azure Resource Manager named a place outside itself");
}

function toAnswer({ status, bodyAsText, headers }: PipelineResponse): ArmAnswer {
  return { status, body: parseJson(bodyAsText), header: name => headers.get(name) };
}

function parseJson(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

/** What an error of ARM's says; ARM's codes and texts are for people (arm-contract 4.3). */
export function readArmError({ status, body }: ArmAnswer): { code: string; message: string } {
  const error = (body as { error?: { code?: unknown; message?: unknown } } | null | undefined)?.error;
  const code = typeof error?.code === "string" && /^\w{1,100}$/.test(error.code) ? error.code : `Http${status}`;
  const message = typeof error?.message === "string" && error.message !== "" ? error.message : `HTTP status ${status}`;
  return { code, message: message.slice(0, 2000) };
}
