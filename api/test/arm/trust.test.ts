import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ArmRoute } from "../../src/arm/app.ts";
import { NRP, startTestApi, type TestApi } from "../support/api.ts";
import { makeCertificate } from "../support/certificates.ts";
import { ArmClient } from "../support/client.ts";
import { ACCOUNT_BODY, accountPath } from "../support/documents.ts";
import { fillIn, listRoutes } from "../support/routes.ts";

let api: TestApi;
let routes: readonly ArmRoute[];
let strangers: { what: string; client: ArmClient }[];

beforeAll(async () => {
  api = await startTestApi();
  routes = await listRoutes();
  // A foreign certificate that claims ARM's own name: only the bytes count.
  const foreign = await makeCertificate("arm");
  const ca = api.serverCertificate;
  strangers = [
    { what: "no certificate", client: new ArmClient(api.urls.armUrl, { ca, appId: NRP }) },
    { what: "a foreign one", client: new ArmClient(api.urls.armUrl, { ca, appId: NRP, certificate: foreign }) },
  ];
});
afterAll(async () => {
  await Promise.all(strangers.map(({ client }) => client.close()));
  await api.stop();
});

describe("only ARM's certificate opens the door", () => {
  it("answers 403 on every route, whatever else is wrong, and says nothing more", async () => {
    expect(routes.length).toBeGreaterThan(15);
    for (const { what, client } of strangers) {
      for (const { method, path } of routes) {
        for (const apiVersion of ["2024-03-31", null]) {
          const answer = await client.call(method, fillIn(path), { apiVersion });
          expect(answer, `${method} ${path} with ${what}`).toMatchObject({
            status: 403,
            body: { error: { code: "Forbidden", message: "The client certificate is not trusted." } },
          });
          expect(answer.headers["x-ms-request-id"]).toBeTruthy();
        }
      }
    }
  });

  it("answers 403 where there is no route, and for a path that can't be decoded", async () => {
    for (const { client } of strangers) {
      expect((await client.get("/nowhere")).status).toBe(403);
      expect((await client.get("/subscriptions/%zz")).status).toBe(403);
      expect((await client.put(accountPath("fhir1"), "x".repeat(2_000_000))).status).toBe(403);
    }
  });

  it("changes nothing for a stranger", async () => {
    for (const { client } of strangers) await client.put(accountPath("stranger"), ACCOUNT_BODY);
    expect((await api.nrp.get(accountPath("stranger"))).status).toBe(404);
  });

  it("answers 403 on no route to ARM", async () => {
    for (const { method, path } of routes) {
      for (const client of [api.nrp, api.customer]) {
        expect((await client.call(method, fillIn(path))).status, `${method} ${path}`).not.toBe(403);
      }
    }
  });

  it("knows ARM also on a resumed TLS session, and a stranger as one", async () => {
    const { hostname, port } = new URL(api.urls.armUrl);
    const options = { host: hostname, port: Number(port), ca: api.serverCertificate, servername: "localhost" };
    for (const { certificate, status } of [
      { certificate: api.armCertificate, status: 404 },
      { certificate: undefined, status: 403 },
    ]) {
      const first = await exchange({ ...options, ...certificate });
      expect(first.status).toBe(status);
      const second = await exchange({ ...options, ...certificate, session: first.session });
      expect(second).toMatchObject({ resumed: true, status });
    }
  });

  it("has really compared certificates", () => {
    expect(new X509Certificate(api.armCertificate.cert).subject).toBe("CN=arm");
  });
});

/** One request over a connection of its own; the session is what the server gave for resuming it. */
async function exchange(options: object): Promise<{ status: number; resumed: boolean; session: Buffer }> {
  const socket = connect({ ...options });
  let session: Buffer = Buffer.alloc(0);
  let text = "";
  socket.on("session", ticket => {
    session = ticket;
  });
  socket.on("data", chunk => {
    text += chunk;
  });
  await new Promise(resolve => socket.once("secureConnect", resolve));
  const resumed = socket.isSessionReused();
  socket.write(
    `GET ${accountPath("nobody")}?api-version=2024-03-31 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
  );
  await new Promise(resolve => socket.once("close", resolve));
  return { status: Number(text.slice(9, 12)), resumed, session };
}
