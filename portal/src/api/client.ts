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
 * Calls the admin API as the person who is signed in.
 * @param path below `/admin/v1`, each segment encoded: {@link toPath}
 * @throws Problem for every answer but 2xx, and for none
 */
export async function call<T>(getToken: GetToken, path: string, options: CallOptions = {}): Promise<T> {
  const response = await send(getToken, path, options);
  return (await response.json()) as T;
}

/** As {@link call}, for answers that are not JSON. */
export async function send(
  getToken: GetToken,
  path: string,
  { method = "GET", query = {}, body, signal }: CallOptions = {},
): Promise<Response> {
  const headers = new Headers({ authorization: `Bearer ${await getToken()}` });
  if (body !== undefined) headers.set("content-type", "application/json");
  const response = await fetch(BASE + path + toQuery(query), {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
    // The token alone says who calls; nothing that a browser adds by itself does.
    credentials: "omit",
    cache: "no-store",
    redirect: "error",
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new Problem(0, "NoAnswer", "no answer", "");
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

async function readProblem(response: Response): Promise<Problem> {
  const header = response.headers.get("x-correlation-id") ?? "";
  try {
    const { error } = (await response.json()) as {
      error: { code: string; message: string; correlationId?: string };
    };
    return new Problem(response.status, error.code, error.message, error.correlationId ?? header);
  } catch {
    return new Problem(response.status, "UnexpectedAnswer", `answer of status ${response.status}`, header);
  }
}
