import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import { Agent, request } from "undici";

const ISSUER = "https://sign-in.example/tenant/v2.0";
const AUDIENCE = "api://linkgate";
const TENANT = "00000000-0000-0000-0000-0000000000aa";

/** A gate as the admin API shows it. */
export interface GateView {
  readonly name: string;
  readonly incarnation: string;
  readonly state: string;
  /** The operations that wait for it. */
  readonly waiting: readonly unknown[];
}

/** The person who runs gates and api, and the authority that vouches for them. */
export class PlatformEngineer {
  readonly #authority: Server;
  readonly #key: CryptoKey;
  // Whether the admin listener shows the right certificate is the api's own test.
  readonly #agent = new Agent({ connect: { rejectUnauthorized: false } });
  #adminUrl = "";

  private constructor(authority: Server, key: CryptoKey) {
    this.#authority = authority;
    this.#key = key;
  }

  static async appear(): Promise<PlatformEngineer> {
    const { publicKey, privateKey } = await generateKeyPair("RS256");
    const keys = [{ ...(await exportJWK(publicKey)), kid: "one", alg: "RS256", use: "sig" }];
    const authority = createServer((_, answer) => {
      answer.setHeader("content-type", "application/json").end(JSON.stringify({ keys }));
    });
    authority.listen(0, "127.0.0.1");
    await once(authority, "listening");
    return new PlatformEngineer(authority, privateKey);
  }

  /** What the api must be told to believe this person. */
  get settings(): Record<string, string> {
    return {
      LINKGATE_ADMIN_ISSUER: ISSUER,
      LINKGATE_ADMIN_AUDIENCE: AUDIENCE,
      LINKGATE_ADMIN_JWKS_URL: `http://127.0.0.1:${(this.#authority.address() as AddressInfo).port}/keys`,
      LINKGATE_ENTRA_TENANT_ID: TENANT,
    };
  }

  moveTo(adminUrl: string): void {
    this.#adminUrl = adminUrl;
  }

  /** Every gate that the registry knows. */
  async listGates(): Promise<GateView[]> {
    return ((await this.#call("GET", "gates")) as { value: GateView[] }).value;
  }

  /** Vouches that the process of this incarnation is gone. */
  async retire(incarnation: string): Promise<void> {
    await this.#call("POST", `gates/${incarnation}/retire`);
  }

  async leave(): Promise<void> {
    await this.#agent.close();
    this.#authority.closeAllConnections();
    await new Promise(resolve => this.#authority.close(resolve));
  }

  async #call(method: "GET" | "POST", path: string): Promise<unknown> {
    const token = await new SignJWT({ roles: ["PlatformEngineer"], oid: "an-engineer", tid: TENANT })
      .setProtectedHeader({ alg: "RS256", kid: "one" })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject("someone")
      .setIssuedAt()
      .setExpirationTime("10m")
      .sign(this.#key);
    const { statusCode, body } = await request(`${this.#adminUrl}/admin/v1/${path}`, {
      method,
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${token}` },
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${method} ${path} was answered ${statusCode}: ${text}`);
    return JSON.parse(text);
  }
}
