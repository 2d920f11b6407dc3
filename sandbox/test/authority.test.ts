import { stat } from "node:fs/promises";
import { decodeJwt, jwtVerify } from "jose";
import { Agent, fetch } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nrpAppId } from "../src/authority/applications.ts";
import { type Json, startTestAzure, type TestAzure, tenantId } from "./support/azure.ts";

let azure: TestAzure;
let agent: Agent;

beforeAll(async () => {
  azure = await startTestAzure();
  agent = new Agent({ connect: { ca: azure.certificates.ca } });
});
afterAll(async () => {
  await agent?.destroy();
  await azure?.stop();
});

async function requestToken(form: Record<string, string>, tenant = tenantId): Promise<{ status: number; body: Json }> {
  const answer = await fetch(`${azure.authority.url}/${tenant}/oauth2/v2.0/token`, {
    method: "POST",
    body: new URLSearchParams(form),
    dispatcher: agent,
  });
  return { status: answer.status, body: await answer.json() };
}

function formOf(name: string, scope = `${azure.arm.url}/.default`): Record<string, string> {
  const application = azure.applications.find(one => one.name === name);
  return {
    client_id: application?.clientId ?? "",
    client_secret: application?.secret ?? "",
    grant_type: "client_credentials",
    scope,
  };
}

describe("discovery", () => {
  it("names every endpoint below the tenant, with an issuer of the same origin", async () => {
    const answer = await fetch(`${azure.authority.url}/${tenantId}/v2.0/.well-known/openid-configuration`, {
      dispatcher: agent,
    });
    const base = `${azure.authority.url}/${tenantId}`;
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      issuer: `${base}/v2.0`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
    });
  });

  it("answers az logout, which asks for any tenant, and nobody who signs in so", async () => {
    const answer = await fetch(`${azure.authority.url}/organizations/v2.0/.well-known/openid-configuration`, {
      dispatcher: agent,
    });
    expect(await answer.json()).toMatchObject({ issuer: azure.authority.issuer });
    expect(await requestToken(formOf("contributor"), "organizations")).toMatchObject({ status: 400 });
  });

  it("publishes keys without their private half", async () => {
    const answer = await fetch(azure.authority.jwksUrl, { dispatcher: agent });
    const { keys } = (await answer.json()) as { keys: Record<string, string>[] };
    expect(keys).toHaveLength(1);
    expect(keys[0]).toMatchObject({ kty: "RSA", alg: "RS256" });
    expect(keys[0]).not.toHaveProperty("d");
  });
});

describe("client credentials", () => {
  it("gives a JWT for ARM that names the application", async () => {
    const { status, body } = await requestToken(formOf("contributor"));
    expect(status).toBe(200);
    expect(body).toMatchObject({ token_type: "Bearer", expires_in: 3599, ext_expires_in: 3599 });
    const { payload } = await jwtVerify(body.access_token, azure.authority.keys, {
      issuer: azure.authority.issuer,
      audience: azure.arm.url,
    });
    expect(payload).toMatchObject({ appid: formOf("contributor").client_id, tid: tenantId });
    expect(payload).not.toHaveProperty("roles");
  });

  it("takes what Go's and Python's SDKs add", async () => {
    const scope = `${azure.arm.url}//.default openid offline_access profile`;
    const claims = '{"access_token":{"xms_cc":{"values":["CP1"]}}}';
    const { status, body } = await requestToken({ ...formOf("contributor", scope), client_info: "1", claims });
    expect(status).toBe(200);
    expect(decodeJwt(body.access_token).aud).toBe(azure.arm.url);
  });

  it("puts app roles into tokens for the admin audience only", async () => {
    const admin = await requestToken(formOf("platform-engineer", "api://linkgate-admin/.default"));
    expect(decodeJwt(admin.body.access_token)).toMatchObject({
      aud: "api://linkgate-admin",
      roles: ["PlatformEngineer"],
    });
    const arm = await requestToken(formOf("platform-engineer"));
    expect(decodeJwt(arm.body.access_token)).not.toHaveProperty("roles");
    const stranger = await requestToken(formOf("contributor", "api://linkgate-admin/.default"));
    expect(decodeJwt(stranger.body.access_token)).not.toHaveProperty("roles");
  });

  const refusals: [what: string, change: Record<string, string>, status: number, error: string, number: number][] = [
    ["a wrong secret", { client_secret: "wrong" }, 401, "invalid_client", 7000215],
    ["no secret", { client_secret: "" }, 401, "invalid_client", 7000218],
    [
      "an unknown application",
      { client_id: "11111111-2222-4333-8444-555555555555" },
      400,
      "unauthorized_client",
      700016,
    ],
    ["a scope without /.default", { scope: "user.read" }, 400, "invalid_scope", 1002012],
    ["a resource nobody registered", { scope: "https://vault.example/.default" }, 400, "invalid_resource", 500011],
    ["no scope", { scope: "" }, 400, "invalid_request", 900144],
    ["another grant", { grant_type: "password" }, 400, "unsupported_grant_type", 70003],
  ];
  it.each(refusals)("refuses %s as Entra does", async (_what, change, status, error, number) => {
    const answer = await requestToken({ ...formOf("contributor"), ...change });
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ error, error_codes: [number] });
    expect(answer.body.error_description).toMatch(new RegExp(`^AADSTS${number}: `));
    expect(answer.body).not.toHaveProperty("access_token");
  });

  it("refuses another tenant", async () => {
    const answer = await requestToken(formOf("contributor"), "11111111-2222-4333-8444-555555555555");
    expect(answer).toMatchObject({ status: 400, body: { error_codes: [90002] } });
  });
});

describe("secrets", () => {
  it("are drawn anew, and keys are readable by their owner only", async () => {
    expect(new Set(azure.applications.map(one => one.secret)).size).toBe(azure.applications.length);
    expect(azure.applications.some(one => one.clientId === nrpAppId)).toBe(true);
    for (const file of [azure.certificates.server.keyFile, azure.certificates.arm.keyFile]) {
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    }
  });
});
