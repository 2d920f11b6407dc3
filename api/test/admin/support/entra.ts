import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import {
  type CryptoKey,
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from "jose";
import type { TokenRules } from "../../../src/admin/access/tokens.ts";
import type { Certificate } from "../../support/certificates.ts";

export const TENANT = "7e9a4c10-0000-4000-8000-000000000001";
const CLIENT = { id: "a11ce000-0000-4000-8000-000000000001", secret: "the-secret-of-linkgate-api" };
export const AUDIENCE = "api://linkgate-admin";
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** Somebody of the tenant. */
export interface Person {
  readonly oid: string;
  readonly name: string;
  readonly roles?: readonly string[];
}

export interface TokenOptions {
  readonly claims?: JWTPayload;
  /** Claims that are left out. */
  readonly without?: readonly string[];
  /** Seconds from now. */
  readonly expires?: number;
}

/** The tenant's authority over HTTPS: publishes its keys, and exchanges people's tokens as Entra does. */
export class Entra {
  readonly #server: ReturnType<typeof createServer>;
  readonly #keys: { kid: string; privateKey: CryptoKey; jwk: JWK }[] = [];
  url = "";
  /** Exchanges made so far. */
  exchanges = 0;
  /** What every exchange is refused with, while it is set. */
  refusal: { status: number; body: object } | undefined;
  /** Paths that a bearer token was sent to: nobody has to show one here. */
  readonly strayTokens: string[] = [];
  #people = new Map<string, Person>();

  private constructor(certificate: Certificate) {
    this.#server = createServer(certificate, async (request, response) => {
      if (request.headers.authorization !== undefined) this.strayTokens.push(request.url ?? "");
      let text = "";
      for await (const chunk of request) text += chunk;
      const { status, body } = await this.#answer(request.url ?? "", text);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  }

  static async start(certificate: Certificate): Promise<Entra> {
    const entra = new Entra(certificate);
    await entra.addKey("one");
    entra.#server.listen(0, "127.0.0.1");
    await once(entra.#server, "listening");
    entra.url = `https://localhost:${(entra.#server.address() as AddressInfo).port}`;
    return entra;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
  }

  get issuer(): string {
    return `${this.url}/${TENANT}/v2.0`;
  }

  get rules(): TokenRules {
    const jwksUrl = `${this.url}/${TENANT}/discovery/v2.0/keys`;
    const issuers = [this.issuer, `https://sts.windows.net/${TENANT}/`];
    return { issuers, audiences: [AUDIENCE], jwksUrl, tenantId: TENANT, scope: "user_impersonation" };
  }

  get client() {
    return { clientId: CLIENT.id, clientSecret: CLIENT.secret, authorityHost: this.url };
  }

  /** Signs with a new key from now on; the old one stays published unless it is withdrawn. */
  async addKey(kid: string, options: { withdrawOthers?: boolean } = {}): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair("RS256");
    const jwk = { ...(await exportJWK(publicKey)), kid, use: "sig", alg: "RS256" };
    if (options.withdrawOthers === true) this.#keys.length = 0;
    this.#keys.unshift({ kid, privateKey, jwk });
  }

  /** A delegated token for the admin API, as the portal gets one. */
  person(person: Person, options: TokenOptions = {}): Promise<string> {
    this.#people.set(person.oid, person);
    const claims = { ...describe(person), scp: "user_impersonation", azp: "the-portal", ...options.claims };
    return this.#sign(claims, AUDIENCE, options);
  }

  /** A token that an application got for itself. */
  application(roles: readonly string[], options: TokenOptions = {}): Promise<string> {
    const oid = "0b1ec700-0000-4000-8000-00000000abcd";
    return this.#sign(
      { oid, sub: oid, tid: TENANT, ver: "2.0", azp: "app", roles, ...options.claims },
      AUDIENCE,
      options,
    );
  }

  /** Who a token for another audience is of. Throws where it is not ours, or not for that audience. */
  async verify(token: string, audience: string): Promise<JWTPayload> {
    const keys = createLocalJWKSet({ keys: this.#keys.map(({ jwk }) => jwk) });
    return (await jwtVerify(token, keys, { issuer: this.issuer, audience })).payload;
  }

  #sign(claims: JWTPayload, audience: string, { without = [], expires = 600 }: TokenOptions): Promise<string> {
    const [key] = this.#keys;
    if (key === undefined) throw new Error("there is no key");
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: this.issuer, aud: audience, iat: now - 100, nbf: now - 100, exp: now + expires, ...claims };
    const kept = Object.entries(all).filter(([name]) => !without.includes(name));
    return new SignJWT(Object.fromEntries(kept))
      .setProtectedHeader({ alg: "RS256", kid: key.kid })
      .sign(key.privateKey);
  }

  async #answer(url: string, text: string): Promise<{ status: number; body: object }> {
    if (url.endsWith("/keys")) return { status: 200, body: { keys: this.#keys.map(({ jwk }) => jwk) } };
    if (url.includes("/.well-known/openid-configuration")) {
      const base = `${this.url}/${TENANT}/oauth2/v2.0`;
      const jwks_uri = `${this.url}/${TENANT}/discovery/v2.0/keys`;
      const endpoints = { jwks_uri, token_endpoint: `${base}/token`, authorization_endpoint: `${base}/authorize` };
      return { status: 200, body: { issuer: this.issuer, ...endpoints } };
    }
    if (!url.startsWith(`/${TENANT}/oauth2/v2.0/token`)) return { status: 404, body: {} };
    this.exchanges += 1;
    return this.refusal ?? (await this.#exchange(new URLSearchParams(text)));
  }

  async #exchange(form: URLSearchParams): Promise<{ status: number; body: object }> {
    const refuse = (error: string) => ({ status: 400, body: { error, error_description: `AADSTS: ${error}` } });
    if (form.get("client_id") !== CLIENT.id || form.get("client_secret") !== CLIENT.secret)
      return refuse("invalid_client");
    if (form.get("grant_type") !== GRANT || form.get("requested_token_use") !== "on_behalf_of") {
      return refuse("unsupported_grant_type");
    }
    const scope = (form.get("scope") ?? "").split(" ").find(one => one.endsWith("/.default"));
    const assertion = await this.verify(form.get("assertion") ?? "", AUDIENCE).catch(() => undefined);
    const person = this.#people.get(String(assertion?.oid));
    if (scope === undefined || assertion?.scp === undefined || person === undefined) return refuse("invalid_grant");
    const claims = { ...describe(person), scp: "user_impersonation", azp: CLIENT.id, appid: CLIENT.id };
    const token = await this.#sign(claims, scope.slice(0, -"/.default".length), {});
    return { status: 200, body: { token_type: "Bearer", expires_in: 3599, ext_expires_in: 3599, access_token: token } };
  }
}

function describe({ oid, name, roles }: Person): JWTPayload {
  const all = { oid, sub: `sub-${oid}`, tid: TENANT, ver: "2.0", name, preferred_username: `${name}@example.com` };
  return roles === undefined ? all : { ...all, roles };
}
