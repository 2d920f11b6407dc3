import { Agent } from "undici";
import { type Application, tenantId } from "./authority/applications.ts";
import type { Authority } from "./authority/authority.ts";

/** Signs an application in and keeps its token until shortly before the end. */
export interface TokenSource {
  get(): Promise<string>;
  close(): Promise<void>;
}

export interface TokenSourceOptions {
  authority: Pick<Authority, "url">;
  ca: string;
  application: Pick<Application, "clientId" | "secret">;
  /** What the token is for: ARM's base URL, or the api's admin audience. */
  resource: string;
}

const earlyMs = 60_000;

/** The client credentials grant of OAuth 2.0 (RFC 6749 section 4.4), as an automation would use it. */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const agent = new Agent({ connect: { ca: options.ca } });
  let token = { text: "", until: 0 };
  return {
    async get() {
      if (Date.now() < token.until) return token.text;
      const answer = await agent.request({
        origin: options.authority.url,
        path: `/${tenantId}/oauth2/v2.0/token`,
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({
          client_id: options.application.clientId,
          client_secret: options.application.secret,
          grant_type: "client_credentials",
          scope: `${options.resource}/.default`,
        }).toString(),
      });
      const body = (await answer.body.json()) as { access_token?: string; expires_in?: number; error?: string };
      if (body.access_token === undefined) throw new Error(`The authority refused a token: ${body.error}`);
      token = { text: body.access_token, until: Date.now() + (body.expires_in ?? 0) * 1000 - earlyMs };
      return token.text;
    },
    close: () => agent.destroy(),
  };
}
