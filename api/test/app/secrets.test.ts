import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { NRP } from "../support/api.ts";
import { makeCertificate } from "../support/certificates.ts";
import { ArmClient } from "../support/client.ts";
import {
  ACCOUNT_BODY,
  accountPath,
  connectionPath,
  decisionBody,
  expectStatus,
  proxyBody,
  proxyPath,
} from "../support/documents.ts";
import { TestGate } from "../support/gate.ts";
import { createTestDatabase, execute } from "../support/postgres.ts";

const SCRIPT = join(import.meta.dirname, "../../src/server.ts");

let folder: string;
let database: { url: string; drop(): Promise<void> };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "linkgate-secrets-"));
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** A text that stands nowhere else. */
const secret = (what: string): string => `${what}-${randomBytes(12).toString("hex")}`;

it("the log of a whole run holds no token, no password, no key and nothing of a body or a query", async () => {
  const [arm, server] = await Promise.all([makeCertificate("arm"), makeCertificate("server")]);
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const secrets = Object.fromEntries(
    ["bearer", "gate", "person", "client", "body", "comment", "query", "description", "garbage"].map(name => [
      name,
      secret(name),
    ]),
  ) as Record<
    "bearer" | "gate" | "person" | "client" | "body" | "comment" | "query" | "description" | "garbage",
    string
  >;
  const hash = createHash("sha256").update(secrets.gate).digest("hex");
  const child = spawn(process.execPath, [SCRIPT], {
    env: {
      PATH: process.env.PATH ?? "",
      DATABASE_URL: database.url,
      LINKGATE_ARM_LISTEN: "127.0.0.1:0",
      LINKGATE_FEED_LISTEN: "127.0.0.1:0",
      LINKGATE_ADMIN_LISTEN: "127.0.0.1:0",
      LINKGATE_HEALTH_LISTEN: "127.0.0.1:0",
      LINKGATE_TLS_CERT_FILE: await write("server.pem", server.cert),
      LINKGATE_TLS_KEY_FILE: await write("server.key", server.key),
      LINKGATE_ARM_CLIENT_CERTS_FILE: await write("arm.pem", arm.cert),
      LINKGATE_NRP_APP_IDS: NRP,
      LINKGATE_ZONES: "azurehealthcareapis.com/privatelink.azurehealthcareapis.com",
      LINKGATE_GATE_TOKENS_FILE: await write("tokens.json", JSON.stringify({ test: [hash] })),
      LINKGATE_ADMIN_ISSUER: "https://localhost/issuer",
      LINKGATE_ADMIN_AUDIENCE: "api",
      LINKGATE_ADMIN_JWKS_URL: "https://localhost:1/keys",
      LINKGATE_ENTRA_TENANT_ID: "00000000-0000-0000-0000-0000000000aa",
      LINKGATE_ARM_URL: "https://127.0.0.1:1",
      LINKGATE_LINK_QUARANTINE: "0",
      LINKGATE_AGE_MARGIN: "0",
      AZURE_TENANT_ID: "00000000-0000-0000-0000-0000000000aa",
      AZURE_CLIENT_ID: "00000000-0000-0000-0000-0000000000bb",
      AZURE_AUTHORITY_HOST: "https://127.0.0.1:1",
      AZURE_CLIENT_SECRET: secrets.client,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", text => {
    log += text;
  });
  try {
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const urls = JSON.parse(line) as { armUrl: string; feedUrl: string; adminUrl: string };
    const nrp = new ArmClient(urls.armUrl, { ca: server.cert, certificate: arm, appId: NRP });
    const headers = { authorization: `Bearer ${secrets.bearer}` };
    const account = accountPath("secretive");
    const tagged = { ...ACCOUNT_BODY, tags: { note: secrets.body } };
    expectStatus(await nrp.put(`${account}?api-version=2024-03-31&token=${secrets.query}`, tagged, { headers }), 201);
    const body = JSON.stringify(proxyBody("pe", "auto", [77])).replace("Please approve.", secrets.description);
    expectStatus(await nrp.put(proxyPath("secretive", "pe"), body, { headers }), 201);
    expectStatus(await nrp.put(connectionPath("secretive", "pe"), decisionBody("Rejected", secrets.comment)), 200);
    expectStatus(await nrp.put(account, `{${secrets.garbage}`), 400);
    expectStatus(await nrp.put(account, { ...tagged, location: secrets.garbage, kind: 7 }), 400);

    const gate = new TestGate(() => urls.feedUrl, "test", secrets.gate, 3600);
    await gate.catchUp();
    const stranger = new TestGate(() => urls.feedUrl, "test", secrets.person, 3600);
    await expect(stranger.sweep()).rejects.toThrow("401");
    const admin = new ArmClient(urls.adminUrl, { ca: server.cert });
    const asked = await admin.get("/admin/v1/gates", { headers: { authorization: `Bearer ${secrets.person}` } });
    expect(asked.status).toBe(401);

    // A fault with all of it at hand: PostgreSQL quotes the whole row that a constraint refuses.
    await execute(database.url, "alter table accounts add constraint untagged check (tags = '{}') not valid");
    expectStatus(await nrp.patch(account, { tags: { note: secrets.body, more: "x" } }, { headers }), 500);
    await execute(database.url, "alter table accounts drop constraint untagged");
    // NRP and its sign-in are out of reach, so that telling fails with the client's secret at hand.
    expectStatus(await nrp.delete(account, { headers }), 202);
    while (!log.includes("NRP could not be told")) await once(child.stderr, "data");
    await Promise.all([nrp.close(), admin.close()]);
  } finally {
    child.kill("SIGTERM");
    await once(child, "close");
  }

  expect(log.split("\n").filter(line => line.includes("answered ARM")).length).toBeGreaterThan(6);
  expect(log).toContain('violates check constraint \\"untagged\\"');
  const password = new URL(database.url).password;
  for (const [what, text] of Object.entries({ ...secrets, hash, password })) expect(log, what).not.toContain(text);
  expect(log).not.toContain("PRIVATE KEY");
  expect(log).not.toContain("x-ms-client-app-id");
});
