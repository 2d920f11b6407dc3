import { Problem } from "./problem.ts";

/** Gives the access token for the admin API, renewed when it is due. Rejects when the session has ended. */
export type GetToken = () => Promise<string>;

/** What a call may be given. */
export interface CallOptions {
  readonly method?: "GET" | "POST";
  /** Members that are undefined are left out; a list is repeated. */
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** Where the admin API is: below the portal's own origin. */
const BASE = "/admin/v1";

/**
 * Milliseconds from asking, token included, to the end of the answer. A connection can be lost without a word, and a page
 * would wait for ever. Decisions wait for Azure, which may take its time.
 */
const LIMIT = { GET: 30_000, POST: 120_000 } as const;

/**
 * Calls the admin API as the person who is signed in.
 * @param path below `/admin/v1`, each segment encoded: {@link toPath}
 * @throws Problem for every answer but 2xx, and for none in time
 */
export function call<T>(getToken: GetToken, path: string, options: CallOptions = {}): Promise<T> {
  return callInTime(getToken, path, options, async response => (await response.json()) as T);
}

/** As {@link call}, for answers that are files. */
export function callForFile(getToken: GetToken, path: string, options: CallOptions = {}): Promise<Blob> {
  return callInTime(getToken, path, options, response => response.blob());
}

async function callInTime<T>(
  getToken: GetToken,
  path: string,
  options: CallOptions,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const limit = AbortSignal.timeout(LIMIT[options.method ?? "GET"]);
  const signal = AbortSignal.any(options.signal === undefined ? [limit] : [limit, options.signal]);
  try {
    const response = await send(getToken, path, { ...options, signal });
    return await read(response).catch((error: unknown) => {
      if (error instanceof SyntaxError) throw unexpected(response);
      throw noAnswer();
    });
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    throw limit.aborted ? noAnswer() : error;
  }
}

/** As {@link call}, for an answer that goes on for as long as the signal lets it. */
export async function send(
  getToken: GetToken,
  path: string,
  { method = "GET", query = {}, body, signal }: CallOptions & { signal: AbortSignal },
): Promise<Response> {
  const token = await unlessAborted(getToken(), signal);
  const headers = new Headers({ authorization: `Bearer ${token}` });
  if (body !== undefined) headers.set("content-type", "application/json");
  const response = await fetch(BASE + path + toQuery(query), {
    method,
    headers,
    signal,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    // The token alone says who calls; nothing that a browser adds by itself does.
    credentials: "omit",
    cache: "no-store",
    redirect: "error",
  }).catch((error: unknown) => {
    throw signal.aborted ? error : noAnswer();
  });
  if (!response.ok) throw await readProblem(response);
  return response;
}

/** A path of encoded segments. */
export function toPath(...segments: readonly string[]): string {
  return segments.map(segment => `/${encodeURIComponent(segment)}`).join("");
}

function toQuery(query: NonNullable<CallOptions["query"]>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const each of Array.isArray(value) ? value : [value]) parameters.append(name, String(each));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/** Whoever gives tokens knows of no signal. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

async function readProblem(response: Response): Promise<Problem> {
  try {
    const { error } = (await response.json()) as {
      error: { code: string; message: string; correlationId?: string };
    };
    const id = error.correlationId ?? response.headers.get("x-correlation-id") ?? "";
    return new Problem(response.status, error.code, error.message, id);
  } catch {
    return unexpected(response);
  }
}

const noAnswer = (): Problem => new Problem(0, "NoAnswer", "no answer", "");

function unexpected({ status, headers }: Response): Problem {
  return new Problem(status, "UnexpectedAnswer", `answer of status ${status}`, headers.get("x-correlation-id") ?? "");
}
