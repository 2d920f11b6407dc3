import { createHash, randomBytes } from "node:crypto";
import { Agent } from "undici";

/** What `stack.json` says, as far as a person needs it to sign in. */
export interface SignInPlace {
  /** Origin of the sign-in authority. */
  authority: string;
  tenantId: string;
  /** PEM. */
  ca: string;
  /** The portal's client id. */
  clientId: string;
  /** Must be registered; the authority's own root always is. */
  redirectUri?: string;
  /** Space separated; the admin api's and OpenID Connect's unless said otherwise. */
  scope?: string;
}

/** What the token endpoint answers to a browser. */
export interface PersonTokens {
  access_token: string;
  id_token: string;
  refresh_token: string;
  client_info: string;
  scope: string;
  expires_in: number;
}

export const portalScope = "api://linkgate-admin/user_impersonation openid profile offline_access";

/**
 * Signs a person in as a browser does: authorization code with PKCE, over the real sign-in form. Nothing here is a way in
 * that a browser does not have.
 *
 * @throws Error with what the page or the token endpoint said, where the sign-in does not succeed.
 */
export async function signInPerson(
  place: SignInPlace,
  person: { user: string; password: string },
): Promise<PersonTokens> {
  const browser = new Browser(place.ca);
  try {
    const redirectUri = place.redirectUri ?? `${place.authority}/`;
    const verifier = randomBytes(32).toString("base64url");
    const state = randomBytes(8).toString("hex");
    const query = new URLSearchParams({
      client_id: place.clientId,
      response_type: "code",
      response_mode: "fragment",
      redirect_uri: redirectUri,
      scope: place.scope ?? portalScope,
      state,
      nonce: randomBytes(8).toString("hex"),
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      client_info: "1",
    });
    const page = await browser.follow(
      `${place.authority}/${place.tenantId}/oauth2/v2.0/authorize?${query}`,
      redirectUri,
    );
    if (!page.text.includes('name="password"')) throw new Error(`No sign-in page: ${page.url} ${page.text}`);
    const end = await browser.follow(page.url, redirectUri, person);
    if (!end.url.startsWith(`${redirectUri}#`)) throw new Error(`Not signed in: ${readAlert(end.text)}`);
    const answer = new URLSearchParams(end.url.slice(redirectUri.length + 1));
    if (answer.get("state") !== state) throw new Error(`Another state came back: ${end.url}`);
    const code = answer.get("code");
    if (code === null) throw new Error(`${answer.get("error")}: ${answer.get("error_description")}`);
    return await redeem(place, {
      grant_type: "authorization_code",
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
    });
  } finally {
    await browser.close();
  }
}

/** Renews a person's tokens as MSAL does, without the person. */
export function renewTokens(place: SignInPlace, refreshToken: string): Promise<PersonTokens> {
  const scope = place.scope ?? portalScope;
  return redeem(place, { grant_type: "refresh_token", refresh_token: refreshToken, scope });
}

async function redeem(place: SignInPlace, grant: Record<string, string>): Promise<PersonTokens> {
  const agent = new Agent({ connect: { ca: place.ca } });
  try {
    const answer = await agent.request({
      origin: place.authority,
      path: `/${place.tenantId}/oauth2/v2.0/token`,
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", origin: place.authority },
      body: new URLSearchParams({ client_id: place.clientId, client_info: "1", ...grant }).toString(),
    });
    const body = (await answer.body.json()) as PersonTokens & { error_description?: string };
    if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${body.error_description}`);
    return body;
  } finally {
    await agent.close();
  }
}

interface Page {
  url: string;
  status: number;
  text: string;
}

/** As much of a browser as a sign-in needs: cookies by path, redirects, one form. */
class Browser {
  readonly #agent: Agent;
  readonly #cookies = new Map<string, { pair: string; path: string }>();

  constructor(ca: string) {
    this.#agent = new Agent({ connect: { ca } });
  }

  /** Opens a URL, or posts a form to it, and follows redirects to the first page or to `until`, which is not opened. */
  async follow(url: string, until: string, form?: Record<string, string>): Promise<Page> {
    let next = new URL(url);
    let body = form && new URLSearchParams(form).toString();
    for (let hop = 0; hop < 10; hop++) {
      const answer = await this.#agent.request({
        origin: next.origin,
        path: next.pathname + next.search,
        method: body === undefined ? "GET" : "POST",
        headers: {
          cookie: this.#readCookies(next.pathname),
          ...(body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
        },
        body: body ?? null,
      });
      const text = await answer.body.text();
      for (const cookie of [answer.headers["set-cookie"] ?? []].flat()) this.#keep(cookie);
      const { location } = answer.headers;
      if (typeof location !== "string") return { url: next.href, status: answer.statusCode, text };
      body = undefined;
      next = new URL(location, next);
      if (next.href.startsWith(`${until}#`)) return { url: next.href, status: answer.statusCode, text };
    }
    throw new Error(`Too many redirects from ${url}.`);
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  #keep(header: string): void {
    const [pair = "", ...attributes] = header.split(/; */);
    const path = attributes.find(one => /^path=/i.test(one))?.slice(5) ?? "/";
    this.#cookies.set(`${path} ${pair.split("=", 1)[0]}`, { pair, path });
  }

  #readCookies(pathname: string): string {
    const mine = [...this.#cookies.values()].filter(({ path }) => `${pathname}/`.startsWith(path.replace(/\/?$/, "/")));
    return mine.map(({ pair }) => pair).join("; ");
  }
}

function readAlert(text: string): string {
  return /role="alert">([^<]*)/.exec(text)?.[1] ?? text;
}
