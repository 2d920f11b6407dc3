import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
    LINKGATE_ENTRA_TENANT_ID: "00000000-0000-0000-0000-0000000000aa",
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
function start(change: Record<string, string> = {}, args: string[] = []) {
  const started = spawn(process.execPath, [SCRIPT, ...args], {
    env: { ...env, ...change },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child = started;
  const stdout: string[] = [];
  let stderr = "";
  started.stderr.on("data", chunk => {
    stderr += chunk;
  });
  // Not `exit`: what it has written last may come after that.
  const ended = once(started, "close").then(([code]) => code as number | null);
  const ready = new Promise<{ armUrl: string; feedUrl: string; adminUrl: string }>((resolve, reject) => {
    createInterface(started.stdout).on("line", line => {
      stdout.push(line);
      if (line.startsWith("{")) resolve(JSON.parse(line));
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

  it("tells of every setting by --help, without needing one", async () => {
    const api = start({ LINKGATE_ZONES: "" }, ["--help"]);
    api.ready.catch(() => {});
    const [code] = await once(api.process, "close");
    expect(code).toBe(0);
    expect(api.stdout.join("\n")).toContain("LINKGATE_ARM_METADATA_URL");
    expect(api.stderr()).toBe("");
  });

  it("takes settings from a file; the environment wins", async () => {
    const file = join(folder, "settings.env");
    const { LINKGATE_ZONES: zones = "", LINKGATE_NRP_APP_IDS: ids = "" } = env;
    await writeFile(
      file,
      `# a comment\nLINKGATE_ZONES=${zones}\nLINKGATE_NRP_APP_IDS="${ids}"\nLINKGATE_RETRY_AFTER=soon\n`,
    );
    const change = { LINKGATE_ZONES: "", LINKGATE_NRP_APP_IDS: "", LINKGATE_RETRY_AFTER: "1" };
    const api = start(change, ["--config", file]);
    await api.ready;
    api.process.kill("SIGTERM");
    expect(await api.ended).toBe(0);

    await writeFile(file, "LINKGATE_ZONE=typo\nNODE_OPTIONS=--inspect\n");
    const refused = start({}, ["--config", file]);
    expect(await refused.ended).toBe(78);
    expect(refused.stderr()).toContain(`LINKGATE_ZONE in ${file} is no setting.`);
    expect(refused.stderr()).toContain(`NODE_OPTIONS in ${file} is no setting.`);
    expect(refused.stderr()).toContain("--help");

    const missing = start({}, ["--config", join(folder, "none")]);
    expect(await missing.ended).toBe(78);
    expect(missing.stderr()).toContain("can't be read");
  });

  it("ends with 64 for arguments it does not know", async () => {
    const api = start({}, ["--port", "1"]);
    expect(await api.ended).toBe(64);
    expect(api.stderr()).toContain("usage:");
  });

  it("ends with 1 and says why when its own PostgreSQL is gone", async () => {
    const dataDir = join(folder, "lost");
    const api = start({ DATABASE_URL: "", LINKGATE_DATA_DIR: dataDir });
    await api.ready;
    const home = await readFile(join(dataDir, "moved-to"), "utf8").catch(() => dataDir);
    const postmaster = Number((await readFile(join(home, "data/postmaster.pid"), "utf8")).split("\n")[0]);
    process.kill(postmaster, "SIGKILL");
    expect(await api.ended).toBe(1);
    expect(api.stderr()).toMatch(/PostgreSQL in .* has ended \(SIGKILL\)/);
    expect(api.stderr()).toContain("the api can't go on and stops");
    expect(api.stderr()).toContain('"stopped"');
  });

  it("can be stopped while it waits for the database", async () => {
    const api = start({ DATABASE_URL: "postgres://user@127.0.0.1:1/none" });
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
