import { Agent, request } from "undici";
import type { Certificate } from "./certificates.ts";

export type Headers = Record<string, string | string[]>;

/** An answer as a test looks at it. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | undefined>;
  readonly text: string;
  /** The body, when it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read documents member by member
  readonly body: any;
}

export interface ClientOptions {
  /** PEM of whom to trust. */
  readonly ca: string;
  /** What to show as ARM. */
  readonly certificate?: Certificate;
  /** Sent as `x-ms-client-app-id`. */
  readonly appId?: string;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Headers;
  /** `null` leaves it out. */
  readonly apiVersion?: string | null;
}

/** Speaks HTTPS the way ARM does: client certificate, caller's app id, api-version. */
export class ArmClient {
  #origin: string;
  readonly #agent: Agent;
  readonly #appId: string | undefined;

  constructor(origin: string, { ca, certificate, appId }: ClientOptions) {
    this.#origin = origin;
    this.#appId = appId;
    this.#agent = new Agent({ connect: { ca, ...certificate }, keepAliveTimeout: 1000 });
  }

  moveTo(origin: string): void {
    this.#origin = origin;
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  /** @param path with or without a query; or an absolute URL, whose host is replaced by the api's */
  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const relative = path.startsWith("http") ? path.slice(new URL(path).origin.length) : path;
    const version = options.apiVersion === undefined ? "2024-03-31" : options.apiVersion;
    const query =
      version === null || relative.includes("api-version")
        ? ""
        : `${relative.includes("?") ? "&" : "?"}api-version=${version}`;
    const hasBody = options.body !== undefined;
    const raw = typeof options.body === "string" || Buffer.isBuffer(options.body);
    const answer = await request(`${this.#origin}${relative}${query}`, {
      method: method as "GET",
      dispatcher: this.#agent,
      headers: {
        ...(this.#appId === undefined ? {} : { "x-ms-client-app-id": this.#appId }),
        ...(hasBody ? { "content-type": "application/json" } : {}),
        ...options.headers,
      },
      ...(hasBody ? { body: raw ? (options.body as string) : JSON.stringify(options.body) } : {}),
    });
    const text = await answer.body.text();
    const json = String(answer.headers["content-type"] ?? "").startsWith("application/json") && text !== "";
    return {
      status: answer.statusCode,
      headers: answer.headers as Record<string, string | undefined>,
      text,
      body: json ? JSON.parse(text) : undefined,
    };
  }

  get(path: string, options?: CallOptions): Promise<Answer> {
    return this.call("GET", path, options);
  }

  put(path: string, body: unknown, options?: CallOptions): Promise<Answer> {
    return this.call("PUT", path, { ...options, body });
  }

  patch(path: string, body: unknown, options?: CallOptions): Promise<Answer> {
    return this.call("PATCH", path, { ...options, body });
  }

  post(path: string, body: unknown, options?: CallOptions): Promise<Answer> {
    return this.call("POST", path, { ...options, body });
  }

  delete(path: string, options?: CallOptions): Promise<Answer> {
    return this.call("DELETE", path, options);
  }
}
