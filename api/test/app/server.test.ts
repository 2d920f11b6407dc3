import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { NRP } from "../support/api.ts";
import { type Certificate, makeCertificate } from "../support/certificates.ts";
import { ArmClient } from "../support/client.ts";
import { accountPath, createAccount } from "../support/documents.ts";
import { createTestDatabase } from "../support/postgres.ts";

const SCRIPT = join(import.meta.dirname, "../../src/server.ts");

let folder: string;
let env: Record<string, string>;
let arm: Certificate;
let server: Certificate;
let database: { url: string; drop(): Promise<void> };
let child: ChildProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "linkgate-server-"));
  [arm, server] = await Promise.all([makeCertificate("arm"), makeCertificate("server")]);
  database = await createTestDatabase();
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  env = {
    PATH: process.env.PATH ?? "",
    DATABASE_URL: database.url,
    LINKGATE_ARM_LISTEN: "127.0.0.1:0",
    LINKGATE_FEED_LISTEN: "127.0.0.1:0",
    LINKGATE_ADMIN_LISTEN: "127.0.0.1:0",
    LINKGATE_TLS_CERT_FILE: await write("server.pem", server.cert),
    LINKGATE_TLS_KEY_FILE: await write("server.key", server.key),
    LINKGATE_ARM_CLIENT_CERTS_FILE: await write("arm.pem", arm.cert),
    LINKGATE_NRP_APP_IDS: NRP,
    LINKGATE_ZONES: "azurehealthcareapis.com/privatelink.azurehealthcareapis.com",
    LINKGATE_GATE_TOKENS_FILE: await write("tokens.json", "{}"),
    LINKGATE_ADMIN_ISSUER: "https://localhost/issuer",
    LINKGATE_ADMIN_AUDIENCE: "api",
    LINKGATE_ADMIN_JWKS_URL: "https://localhost/keys",
  };
});
afterEach(() => {
  child?.kill("SIGKILL");
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Starts the script; the first line on stdout is its ready line. */
function start(change: Record<string, string> = {}) {
  const started = spawn(process.execPath, [SCRIPT], { env: { ...env, ...change }, stdio: ["ignore", "pipe", "pipe"] });
  child = started;
  const stdout: string[] = [];
  let stderr = "";
  started.stderr.on("data", chunk => {
    stderr += chunk;
  });
  const ended = once(started, "exit").then(([code]) => code as number | null);
  const ready = new Promise<{ armUrl: string; feedUrl: string; adminUrl: string }>((resolve, reject) => {
    createInterface(started.stdout).on("line", line => {
      stdout.push(line);
      resolve(JSON.parse(line));
    });
    void ended.then(code => reject(new Error(`ended with ${code}: ${stderr}`)));
  });
  ready.catch(() => {});
  return { process: started, ready, ended, stdout, stderr: () => stderr };
}

describe("the script", () => {
  it("says on one line of stdout where it listens, and ends cleanly on SIGTERM", async () => {
    const api = start();
    const urls = await api.ready;
    expect(urls).toEqual({
      ready: true,
      armUrl: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
      feedUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      adminUrl: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
    });
    const client = new ArmClient(urls.armUrl, { ca: server.cert, certificate: arm, appId: NRP });
    await createAccount(client, "script");
    api.process.kill("SIGTERM");
    expect(await api.ended).toBe(0);
    await client.close();
    expect(api.stdout).toHaveLength(1);
    expect(api.stderr()).toContain('"stopped"');
    for (const line of api.stderr().trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
  });

  it("keeps what was written for its next life", async () => {
    const api = start();
    const client = new ArmClient((await api.ready).armUrl, { ca: server.cert, certificate: arm, appId: NRP });
    expect((await client.get(accountPath("script"))).status).toBe(200);
    await client.close();
    api.process.kill("SIGINT");
    expect(await api.ended).toBe(0);
  });

  it("brings its own database when none is named, and keeps it", async () => {
    const own = { DATABASE_URL: "", LINKGATE_DATA_DIR: join(folder, "data") };
    for (const status of [404, 200]) {
      const api = start(own);
      const client = new ArmClient((await api.ready).armUrl, { ca: server.cert, certificate: arm, appId: NRP });
      expect((await client.get(accountPath("embedded"))).status).toBe(status);
      if (status === 404) await createAccount(client, "embedded");
      await client.close();
      api.process.kill("SIGTERM");
      expect(await api.ended).toBe(0);
    }
  });

  it("ends with 78 and every problem when the configuration is wrong", async () => {
    const api = start({ LINKGATE_ARM_LISTEN: "nowhere", LINKGATE_RETRY_AFTER: "soon" });
    expect(await api.ended).toBe(78);
    expect(api.stderr()).toContain("LINKGATE_ARM_LISTEN must be host:port");
    expect(api.stderr()).toContain("LINKGATE_RETRY_AFTER must be a number from 1 to 600");
    expect(api.stdout).toEqual([]);
  });

  it("can be stopped while it waits for the database", async () => {
    const closed: Server = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as { port: number };
    closed.close();
    const api = start({ DATABASE_URL: `postgres://user@127.0.0.1:${port}/none` });
    await new Promise<void>(resolve => {
      api.process.stderr?.on("data", () => {
        if (api.stderr().includes("waiting for the database")) resolve();
      });
    });
    api.process.kill("SIGTERM");
    expect(await api.ended).toBe(0);
  });

  it("gives up at once when the database refuses it for good", async () => {
    const url = new URL(database.url);
    url.pathname = "/does-not-exist";
    const api = start({ DATABASE_URL: url.href });
    expect(await api.ended).toBe(1);
    expect(api.stderr()).toContain("does not exist");
    expect(api.stderr()).not.toContain(url.password);
  });

  it("leaves nothing behind when a listener's address is taken", async () => {
    const other: Server = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const api = start({ LINKGATE_ADMIN_LISTEN: `127.0.0.1:${port}` });
    expect(await api.ended).toBe(1);
    expect(api.stderr()).toContain("EADDRINUSE");
    other.close();
  });
});
