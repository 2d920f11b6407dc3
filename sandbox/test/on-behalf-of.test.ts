import { decodeJwt, generateKeyPair, importJWK, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { Agent, fetch } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adminAudience, apiRegistration, findApplication, portalClientId } from "../src/authority/applications.ts";
import type { Person } from "../src/authority/people.ts";
import { signInPerson } from "../testing/person.ts";
import { type Json, services, startTestAzure, subscriptionId, type TestAzure, tenantId } from "./support/azure.ts";

let azure: TestAzure;
let agent: Agent;
let dana: Person;
let assertion: string;
const v = "api-version=2024-03-31";

beforeAll(async () => {
  azure = await startTestAzure();
  agent = new Agent({ connect: { ca: azure.certificates.ca } });
  dana = azure.person("data-admin");
  assertion = await readToken("data-admin");
});
afterAll(async () => {
  await agent?.destroy();
  await azure?.stop();
});

/** A person's token for the admin api, as the portal gets it. */
async function readToken(key: string): Promise<string> {
  const { userName, password } = azure.person(key);
  const place = { authority: azure.authority.url, tenantId, ca: azure.certificates.ca, clientId: portalClientId };
  return (await signInPerson(place, { user: userName, password })).access_token;
}

async function exchange(
  change: Record<string, string> = {},
  as = apiRegistration,
): Promise<{ status: number; body: Json }> {
  const { clientId, secret } = findApplication(azure.applications, as);
  const answer = await fetch(`${azure.authority.url}/${tenantId}/oauth2/v2.0/token`, {
    method: "POST",
    body: new URLSearchParams({
      client_id: clientId,
      client_secret: secret,
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      requested_token_use: "on_behalf_of",
      assertion,
      // What MSAL sends.
      scope: `${azure.arm.url}/.default openid profile offline_access`,
      client_info: "1",
      ...change,
    }),
    dispatcher: agent,
  });
  return { status: answer.status, body: await answer.json() };
}

/** The same claims, changed, with the authority's own signature: what only its key can make. */
async function resign(change: JWTPayload): Promise<string> {
  return new SignJWT({ ...decodeJwt(assertion), ...change })
    .setProtectedHeader({ alg: "RS256", kid: azure.authority.signingKey.kid ?? "" })
    .sign(await importJWK(azure.authority.signingKey, "RS256"));
}

describe("an application acts for a person", () => {
  it("with a token that is the person's, at ARM, and says by whose hand", async () => {
    const { status, body } = await exchange();
    expect(status).toBe(200);
    expect(body).toMatchObject({ token_type: "Bearer", expires_in: 3599, ext_expires_in: 3599 });
    const { payload } = await jwtVerify(body.access_token, azure.authority.keys, {
      issuer: azure.authority.issuer,
      audience: azure.arm.url,
    });
    expect(payload).toMatchObject({
      oid: dana.objectId,
      tid: tenantId,
      name: dana.name,
      preferred_username: dana.userName,
      scp: "user_impersonation",
      appid: findApplication(azure.applications, apiRegistration).clientId,
    });
    expect(payload).not.toHaveProperty("roles");
  });

  it("and ARM lets it do what the person may, and no more", async () => {
    azure.answer(({ target }) => (target.startsWith(`${services}/contoso?`) ? { status: 200, body: {} } : undefined));
    const { body } = await exchange();
    const call = (method: string, path: string, content?: unknown) =>
      azure.call("", method, `${path}?${v}`, content, { authorization: `Bearer ${body.access_token}` });
    expect(await call("GET", `${services}/contoso`)).toMatchObject({ status: 200 });
    expect(azure.received.at(-1)?.headers).toMatchObject({
      "x-ms-client-object-id": dana.objectId,
      "x-ms-client-principal-name": dana.userName,
      "x-ms-client-app-id": findApplication(azure.applications, apiRegistration).clientId,
    });
    const seen = azure.received.length;
    const refused = await call("PUT", `${services}/contoso`, { location: "westus2", kind: "fhir" });
    expect(refused).toMatchObject({ status: 403, body: { error: { code: "AuthorizationFailed" } } });
    expect(refused.body.error.message).toBe(
      `The client '${dana.userName}' with object id '${dana.objectId}' does not have authorization to perform action 'Microsoft.HealthcareApis/services/write' over scope '${services}/contoso' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
    );
    expect(await call("GET", `${services}/northwind`)).toMatchObject({ status: 403 });
    expect(azure.received).toHaveLength(seen);
  });

  it("and a person without rights stays without", async () => {
    const { body } = await exchange({ assertion: await readToken("no-rights") });
    const headers = { authorization: `Bearer ${body.access_token}` };
    expect(await azure.call("", "GET", `/subscriptions?${v}`, undefined, headers)).toMatchObject({
      body: { value: [] },
    });
    const answer = await azure.call("", "GET", `/subscriptions/${subscriptionId}?${v}`, undefined, headers);
    expect(answer.status).toBe(403);
  });
});

describe("an exchange is refused", () => {
  const refusals: [what: string, change: () => Promise<Record<string, string>>, error: string, number: number][] = [
    ["without an assertion", async () => ({ assertion: "" }), "invalid_request", 900144],
    ["without saying what it is for", async () => ({ requested_token_use: "" }), "invalid_request", 900144],
    ["for another use", async () => ({ requested_token_use: "other" }), "invalid_request", 90014],
    ["with something that is no token", async () => ({ assertion: "nonsense" }), "invalid_request", 50027],
    ["for a token that has expired", async () => ({ assertion: await resign({ exp: 1 }) }), "invalid_grant", 500133],
    ["for a token of another tenant", async () => ({ assertion: await resign({ tid: "x" }) }), "invalid_grant", 50013],
    ["for a token of another issuer", async () => ({ assertion: await resign({ iss: "x" }) }), "invalid_grant", 50013],
    ["for a token for ARM", async () => ({ assertion: await resign({ aud: azure.arm.url }) }), "invalid_grant", 500131],
    [
      "for a token with two audiences",
      async () => ({ assertion: await resign({ aud: [adminAudience, azure.arm.url] }) }),
      "invalid_grant",
      500131,
    ],
    ["for somebody unknown", async () => ({ assertion: await resign({ oid: "x" }) }), "invalid_grant", 50034],
    ["for a token without consent", async () => ({ assertion: await resign({ scp: "" }) }), "invalid_grant", 7000114],
    ["for an unknown resource", async () => ({ scope: "https://vault.example/.default" }), "invalid_resource", 500011],
    ["without a resource", async () => ({ scope: "openid" }), "invalid_request", 900144],
  ];
  it.each(refusals)("%s", async (_what, change, error, number) => {
    const { status, body } = await exchange(await change());
    expect({ status, body }).toMatchObject({ status: 400, body: { error, error_codes: [number] } });
    expect(body).not.toHaveProperty("access_token");
  });

  it("for a token that somebody else has signed", async () => {
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    const forged = await new SignJWT(decodeJwt(assertion))
      .setProtectedHeader({ alg: "RS256", kid: azure.authority.signingKey.kid ?? "" })
      .sign(privateKey);
    expect(await exchange({ assertion: forged })).toMatchObject({ status: 400, body: { error_codes: [50013] } });
    const unknown = await new SignJWT(decodeJwt(assertion))
      .setProtectedHeader({ alg: "RS256", kid: "x" })
      .sign(privateKey);
    expect(await exchange({ assertion: unknown })).toMatchObject({ status: 400, body: { error_codes: [50013] } });
  });

  it("for a token signed with the public key as a secret, or not at all", async () => {
    const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...open } = azure.authority.signingKey;
    const secret = new TextEncoder().encode(JSON.stringify(open));
    const hmac = await new SignJWT(decodeJwt(assertion)).setProtectedHeader({ alg: "HS256" }).sign(secret);
    const bare = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${assertion.split(".")[1]}.`;
    for (const one of [hmac, bare]) {
      expect(await exchange({ assertion: one })).toMatchObject({ status: 400, body: { error: "invalid_request" } });
    }
  });

  it("to an application whose token it is not", async () => {
    const { status, body } = await exchange({}, "contributor");
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: "invalid_grant", error_codes: [500131] });
    expect(body.error_description).toContain(`The audience in the assertion was '${adminAudience}'`);
  });

  it("for an application's own token", async () => {
    const form = await fetch(`${azure.authority.url}/${tenantId}/oauth2/v2.0/token`, {
      method: "POST",
      body: new URLSearchParams({
        client_id: findApplication(azure.applications, "platform-engineer").clientId,
        client_secret: findApplication(azure.applications, "platform-engineer").secret,
        grant_type: "client_credentials",
        scope: `${adminAudience}/.default`,
      }),
      dispatcher: agent,
    });
    const { access_token } = (await form.json()) as { access_token: string };
    expect(await exchange({ assertion: access_token })).toMatchObject({ body: { error_codes: [7000114] } });
  });

  it("without the application's secret", async () => {
    expect(await exchange({ client_secret: "wrong" })).toMatchObject({ status: 401, body: { error_codes: [7000215] } });
    expect(await exchange({ client_id: portalClientId, client_secret: "" })).toMatchObject({ status: 400 });
  });
});
