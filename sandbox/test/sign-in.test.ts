import { decodeJwt, jwtVerify } from "jose";
import { Agent, fetch } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adminAudience, portalClientId } from "../src/authority/applications.ts";
import type { Person } from "../src/authority/people.ts";
import { renewTokens, type SignInPlace, signInPerson } from "../testing/person.ts";
import { startTestAzure, type TestAzure, tenantId } from "./support/azure.ts";

let azure: TestAzure;
let agent: Agent;
let place: SignInPlace;
let dana: Person;

beforeAll(async () => {
  azure = await startTestAzure();
  agent = new Agent({ connect: { ca: azure.certificates.ca } });
  place = { authority: azure.authority.url, tenantId, ca: azure.certificates.ca, clientId: portalClientId };
  dana = azure.person("data-admin");
});
afterAll(async () => {
  await agent?.destroy();
  await azure?.stop();
});

const credentials = (person: Person) => ({ user: person.userName, password: person.password });

/** The answer to an authorization request, not followed. */
async function authorize(change: Record<string, string> = {}) {
  const query = new URLSearchParams({
    client_id: portalClientId,
    response_type: "code",
    redirect_uri: `${azure.authority.url}/`,
    scope: `${adminAudience}/user_impersonation openid profile offline_access`,
    code_challenge: "A".repeat(43),
    code_challenge_method: "S256",
    state: "s",
    ...change,
  });
  const url = `${azure.authority.url}/${tenantId}/oauth2/v2.0/authorize?${query}`;
  const answer = await fetch(url, { dispatcher: agent, redirect: "manual" });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** Opens the sign-in page of a new sign-in, as a browser would. */
async function openPage(change: Record<string, string> = {}) {
  const { headers } = await authorize(change);
  const url = new URL(headers.get("location") ?? "", azure.authority.url).href;
  const cookie = headers
    .getSetCookie()
    .map(one => one.split(";", 1)[0])
    .join("; ");
  const page = await fetch(url, { dispatcher: agent, headers: { cookie } });
  return { url, cookie, headers: page.headers, status: page.status, text: await page.text() };
}

describe("a person signs in with the page", () => {
  it("and gets tokens that say who it is", async () => {
    const tokens = await signInPerson(place, credentials(dana));
    const { payload } = await jwtVerify(tokens.access_token, azure.authority.keys, {
      issuer: azure.authority.issuer,
      audience: adminAudience,
    });
    expect(payload).toMatchObject({
      oid: dana.objectId,
      tid: tenantId,
      name: dana.name,
      preferred_username: dana.userName,
      scp: "user_impersonation",
      ver: "2.0",
      azp: portalClientId,
    });
    expect(payload).not.toHaveProperty("roles");
    expect(decodeJwt(tokens.id_token)).toMatchObject({
      aud: portalClientId,
      oid: dana.objectId,
      tid: tenantId,
      name: dana.name,
      preferred_username: dana.userName,
    });
    expect(JSON.parse(Buffer.from(tokens.client_info, "base64url").toString())).toEqual({
      uid: dana.objectId,
      utid: tenantId,
    });
    expect(tokens).toMatchObject({ scope: `${adminAudience}/user_impersonation`, ext_expires_in: 3599 });
  });

  it("with the app role of a platform engineer, and of nobody else", async () => {
    const roles = async (key: string) => {
      const { access_token, id_token } = await signInPerson(place, credentials(azure.person(key)));
      return [decodeJwt(access_token).roles, decodeJwt(id_token).roles];
    };
    expect(await roles("platform-engineer")).toEqual([["PlatformEngineer"], ["PlatformEngineer"]]);
    expect(await roles("no-rights")).toEqual([undefined, undefined]);
  });

  it("whatever the case of the user name", async () => {
    const tokens = await signInPerson(place, { ...credentials(dana), user: ` ${dana.userName.toUpperCase()}` });
    expect(decodeJwt(tokens.id_token).oid).toBe(dana.objectId);
  });

  it("and is renewed silently, each refresh token once", async () => {
    const first = await signInPerson(place, credentials(dana));
    const second = await renewTokens(place, first.refresh_token);
    expect(decodeJwt(second.access_token)).toMatchObject({ oid: dana.objectId, aud: adminAudience });
    expect(second.refresh_token).not.toBe(first.refresh_token);
    await expect(renewTokens(place, first.refresh_token)).rejects.toThrow(/400: AADSTS70000/);
    // Whoever has used it a second time may be a thief, so the whole chain ends (RFC 9700 section 4.14.2).
    await expect(renewTokens(place, second.refresh_token)).rejects.toThrow(/400: AADSTS70000/);
  });
});

describe("nobody else gets in", () => {
  it.each([
    ["a wrong password", () => ({ user: dana.userName, password: "wrong" })],
    ["no password", () => ({ user: dana.userName, password: "" })],
    ["another person's password", () => ({ user: dana.userName, password: azure.person("reader").password })],
    ["an unknown user", () => ({ user: "eve@sandbox.example", password: "" })],
  ])("with %s", async (_what, form) => {
    await expect(signInPerson(place, form())).rejects.toThrow("Your account or password is incorrect.");
  });

  it("by a form from elsewhere, which has no cookie", async () => {
    const { url } = await openPage();
    const body = new URLSearchParams(credentials(dana));
    const answer = await fetch(url, { method: "POST", body, dispatcher: agent, redirect: "manual" });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("This sign-in has ended");
  });

  it("by a redirect to another place", async () => {
    const answer = await authorize({ redirect_uri: "https://evil.example/" });
    expect(answer.status).toBe(400);
    expect(answer.headers.get("location")).toBeNull();
  });

  it.each([
    ["without PKCE", { code_challenge: "", code_challenge_method: "" }],
    ["with PKCE in plain text", { code_challenge_method: "plain" }],
  ])("%s", async (_what, change) => {
    const answer = await authorize(change);
    expect(answer.headers.get("location")).toContain("error=invalid_request");
  });

  it("silently, without having signed in", async () => {
    const answer = await authorize({ prompt: "none" });
    expect(answer.headers.get("location")).toContain("error=login_required");
  });

  it("from a page of another origin", async () => {
    const ask = async (origin: string) => {
      const answer = await fetch(`${azure.authority.url}/${tenantId}/oauth2/v2.0/token`, {
        method: "POST",
        headers: { origin },
        body: new URLSearchParams({ client_id: portalClientId, grant_type: "refresh_token", refresh_token: "x" }),
        dispatcher: agent,
      });
      await answer.text();
      return answer.headers.get("access-control-allow-origin");
    };
    expect(await ask(azure.authority.url)).toBe(azure.authority.url);
    expect(await ask("https://evil.example")).not.toBe("https://evil.example");
  });
});

describe("the page", () => {
  it("runs no script, is in nobody's frame, and leads only where the application is", async () => {
    const { status, headers, text } = await openPage();
    expect(status).toBe(200);
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self' https:\/\/localhost:\d+; frame-ancestors 'none'; base-uri 'none'$/,
    );
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(text).not.toMatch(/<script|\son\w+=|\sstyle=/i);
    expect(text).toMatch(/<label for="user">.*<\/label>\s*<input id="user"/);
    expect(text).toMatch(/<label for="password">.*<\/label>\s*<input id="password"/);
  });

  it("escapes what the request brings", async () => {
    const hostile = `"><script>alert('1')</script>&`;
    const { text } = await openPage({ login_hint: hostile });
    expect(text).not.toContain("<script");
    expect(text).toContain('value="&#34;&#62;&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;&#38;"');
    const { url, cookie } = await openPage();
    const body = new URLSearchParams({ user: hostile, password: "wrong" });
    const again = await fetch(url, { method: "POST", body, headers: { cookie }, dispatcher: agent });
    expect(await again.text()).not.toContain("<script");
    const error = await authorize({ client_id: hostile });
    expect(error.status).toBe(400);
    expect(error.text).not.toContain("<script");
  });

  it("can be left", async () => {
    const { url, cookie } = await openPage();
    const body = new URLSearchParams({ cancel: "yes" });
    const answer = await fetch(url, {
      method: "POST",
      body,
      headers: { cookie },
      dispatcher: agent,
      redirect: "manual",
    });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toContain(`/${tenantId}/oauth2/v2.0/authorize/`);
  });

  it("is shown again to who wants another account", async () => {
    expect((await openPage({ prompt: "select_account" })).text).toContain('name="password"');
  });
});
