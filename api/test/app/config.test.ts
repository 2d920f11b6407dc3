import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "../../src/config.ts";
import { renderHelp, SETTINGS } from "../../src/settings.ts";
import { makeCertificate } from "../support/certificates.ts";

let folder: string;
let good: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "linkgate-config-"));
  const [server, arm, next] = await Promise.all(["server", "arm", "next"].map(name => makeCertificate(name)));
  const write = async (name: string, text: string | undefined) => {
    await writeFile(join(folder, name), text ?? "");
    return join(folder, name);
  };
  good = {
    DATABASE_URL: "postgres://user:secret@db.example.com/linkgate",
    LINKGATE_ARM_LISTEN: "127.0.0.1:8443",
    LINKGATE_FEED_LISTEN: "[::]:0",
    LINKGATE_ADMIN_LISTEN: "localhost:9443",
    LINKGATE_TLS_CERT_FILE: await write("server.pem", server?.cert),
    LINKGATE_TLS_KEY_FILE: await write("server.key", server?.key),
    LINKGATE_ARM_CLIENT_CERTS_FILE: await write("arm.pem", `${arm?.cert}\n${next?.cert}\n`),
    LINKGATE_NRP_APP_IDS: "AAAA-1, bbbb-2",
    LINKGATE_ZONES: "AzureHealthcareApis.com/privatelink.azurehealthcareapis.com,mshapis.com/privatelink.mshapis.com",
    LINKGATE_GATE_TOKENS_FILE: await write("tokens.json", "{}"),
    LINKGATE_ADMIN_ISSUER: "https://login.example.com/tenant/v2.0",
    LINKGATE_ADMIN_AUDIENCE: "api://linkgate",
    LINKGATE_ADMIN_JWKS_URL: "https://login.example.com/tenant/keys",
    LINKGATE_ENTRA_TENANT_ID: "00000000-0000-0000-0000-0000000000aa",
    WRONG_KEY: await write("wrong.key", arm?.key),
    NO_PEM: await write("no.pem", "hello"),
  };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function problemsOf(change: Record<string, string | undefined>): readonly string[] {
  try {
    readConfig({ ...good, ...change });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("settings", () => {
  const identity = { AZURE_TENANT_ID: "t", AZURE_CLIENT_ID: "c", AZURE_CLIENT_SECRET: "s" };

  it("name a way to NRP or none, and never half a one", () => {
    const armUrl = "https://management.azure.com";
    expect(readConfig(good).nrp).toBeUndefined();
    expect(readConfig({ ...good, ...identity }).nrp).toBeUndefined();
    expect(readConfig({ ...good, ...identity, LINKGATE_ARM_URL: armUrl }).nrp).toEqual({ armUrl });
    expect(problemsOf({ LINKGATE_ARM_URL: armUrl })).toEqual([expect.stringContaining("AZURE_TENANT_ID")]);
    expect(problemsOf({ ...identity, AZURE_CLIENT_SECRET: "", LINKGATE_ARM_URL: armUrl })).toHaveLength(1);
    expect(problemsOf({ ...identity, LINKGATE_ARM_URL: "http://management.azure.com" })).toEqual([
      expect.stringContaining("https://"),
    ]);
  });

  it("name a way to ask ARM in people's names or none, and never half a one", () => {
    const armUrl = "https://management.azure.com";
    const arm = { ...identity, LINKGATE_ARM_URL: armUrl };
    const entra = { LINKGATE_ENTRA_CLIENT_ID: "linkgate-api", LINKGATE_ENTRA_CLIENT_SECRET: "s" };
    expect(readConfig({ ...good, ...arm }).admin.onBehalfOf).toBeUndefined();
    const asked = { clientId: "linkgate-api", clientSecret: "s", authorityHost: undefined, armUrl };
    expect(readConfig({ ...good, ...arm, ...entra }).admin.onBehalfOf).toEqual(asked);
    const file = good.LINKGATE_TLS_KEY_FILE ?? "";
    const byFile = { ...arm, ...entra, LINKGATE_ENTRA_CLIENT_SECRET: "", LINKGATE_ENTRA_CLIENT_SECRET_FILE: file };
    expect(readConfig({ ...good, ...byFile }).admin.onBehalfOf?.clientSecret).toMatch(/^-----BEGIN/);
    expect(problemsOf(entra)).toEqual([expect.stringContaining("LINKGATE_ARM_URL")]);
    expect(problemsOf({ ...arm, ...entra, LINKGATE_ENTRA_CLIENT_SECRET: "" })).toEqual([
      expect.stringContaining("LINKGATE_ENTRA_CLIENT_SECRET_FILE"),
    ]);
  });

  it("are read with their defaults", () => {
    const config = readConfig(good);
    expect(config).toMatchObject({
      databaseUrl: good.DATABASE_URL,
      maxConnections: 5,
      linkQuarantine: 60,
      retryAfter: 10,
      ageMargin: 60,
      zones: [
        { public: "azurehealthcareapis.com", private: "privatelink.azurehealthcareapis.com" },
        { public: "mshapis.com", private: "privatelink.mshapis.com" },
      ],
      feed: { listen: { host: "::", port: 0 } },
      admin: { listen: { host: "localhost", port: 9443 } },
    });
    expect(config.arm.clientCertificates).toHaveLength(2);
    expect(config.customerWrites).toBe(false);
    expect(config).not.toHaveProperty("health");
    expect([...config.arm.nrpAppIds]).toEqual(["aaaa-1", "bbbb-2"]);
    expect(config.feed).not.toHaveProperty("tls");
  });

  it("are read when given", () => {
    const { LINKGATE_TLS_CERT_FILE: cert = "", LINKGATE_TLS_KEY_FILE: key = "" } = good;
    const config = readConfig({
      ...good,
      DATABASE_URL: "",
      LINKGATE_DATA_DIR: "/data",
      LINKGATE_MAX_CONNECTIONS: "100",
      LINKGATE_LINK_QUARANTINE: "0.5",
      LINKGATE_RETRY_AFTER: "1",
      LINKGATE_AGE_MARGIN: "0",
      LINKGATE_CUSTOMER_WRITES: "True",
      LINKGATE_ARM_URL: "https://management.azure.com",
      ...identity,
      LINKGATE_HEALTH_LISTEN: "127.0.0.1:8080",
      LINKGATE_FEED_TLS_CERT_FILE: cert,
      LINKGATE_FEED_TLS_KEY_FILE: key,
    });
    expect(config).toMatchObject({
      dataDir: "/data",
      maxConnections: 100,
      linkQuarantine: 0.5,
      retryAfter: 1,
      ageMargin: 0,
      customerWrites: true,
      health: { listen: { host: "127.0.0.1", port: 8080 } },
    });
    expect(config.feed.tls?.cert).toContain("BEGIN CERTIFICATE");
    expect(config).not.toHaveProperty("databaseUrl");
  });

  it("say where ARM's certificates come from, once", () => {
    const published = { LINKGATE_ARM_METADATA_URL: "https://management.azure.com:24582/metadata/authentication" };
    expect(readConfig({ ...good, ...published, LINKGATE_ARM_CLIENT_CERTS_FILE: "" }).arm.clientCertificates).toEqual({
      metadataUrl: published.LINKGATE_ARM_METADATA_URL,
    });
    expect(problemsOf(published)).toEqual([expect.stringContaining("one of them must go")]);
    expect(problemsOf({ LINKGATE_ARM_CLIENT_CERTS_FILE: "" })).toEqual([
      "LINKGATE_ARM_CLIENT_CERTS_FILE is not set, nor is LINKGATE_ARM_METADATA_URL.",
    ]);
    const plain = { LINKGATE_ARM_METADATA_URL: "http://metadata", LINKGATE_ARM_CLIENT_CERTS_FILE: "" };
    expect(problemsOf(plain)).toEqual([expect.stringContaining("https://")]);
  });

  it("are all in the help, with meaning and default, and nothing else is read", () => {
    const read = new Set<string>();
    const watch = (env: Record<string, string>) =>
      new Proxy(env, {
        get(target, name: string) {
          read.add(name);
          return target[name];
        },
      });
    for (const change of [
      {},
      { DATABASE_URL: "" },
      { LINKGATE_FEED_TLS_CERT_FILE: good.LINKGATE_TLS_CERT_FILE ?? "" },
      { LINKGATE_HEALTH_LISTEN: "127.0.0.1:0" },
      { LINKGATE_ENTRA_CLIENT_ID: "linkgate-api" },
      { LINKGATE_ARM_URL: "https://management.azure.com", ...identity, AZURE_CLIENT_SECRET: "" },
    ]) {
      try {
        readConfig(watch({ ...good, ...change }));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
      }
    }
    // The authority's host is read by the library that signs in.
    expect([...read, "AZURE_AUTHORITY_HOST"].sort()).toEqual(Object.keys(SETTINGS).sort());
    for (const name of Object.keys(SETTINGS)) expect(renderHelp()).toMatch(new RegExp(`^  ${name}$`, "m"));
    expect(renderHelp()).toContain("default: 60");
  });

  it("that are missing are all named at once", () => {
    try {
      readConfig({});
      expect.unreachable();
    } catch (error) {
      const { problems, message } = error as ConfigError;
      const names = problems.map(problem => problem.split(" ")[0]);
      expect(new Set(names)).toEqual(
        new Set(["LINKGATE_DATA_DIR", ...Object.keys(good).filter(name => name.startsWith("LINKGATE_"))]),
      );
      expect(new Set(names).size).toBe(names.length);
      for (const problem of problems) expect(message).toContain(problem);
    }
  });

  it.each([
    ["DATABASE_URL", "mysql://user:secret@db/x"],
    ["DATABASE_URL", "no url with secret"],
    ["LINKGATE_ARM_LISTEN", "8443"],
    ["LINKGATE_ARM_LISTEN", "host:70000"],
    ["LINKGATE_ARM_LISTEN", "::1:8443"],
    ["LINKGATE_TLS_CERT_FILE", "/does/not/exist"],
    ["LINKGATE_NRP_APP_IDS", " , "],
    ["LINKGATE_ZONES", "azurehealthcareapis.com"],
    ["LINKGATE_ZONES", "a.com/b.com/c.com"],
    ["LINKGATE_ZONES", "a.com/-b.com"],
    ["LINKGATE_ZONES", "a.com/a.com"],
    ["LINKGATE_MAX_CONNECTIONS", "0"],
    ["LINKGATE_MAX_CONNECTIONS", "2.5"],
    ["LINKGATE_MAX_CONNECTIONS", "many"],
    ["LINKGATE_CUSTOMER_WRITES", "yes"],
    ["LINKGATE_CUSTOMER_WRITES", "true"],
    ["LINKGATE_HEALTH_LISTEN", "8080"],
    ["LINKGATE_RETRY_AFTER", "601"],
    ["LINKGATE_LINK_QUARANTINE", "-1"],
    ["LINKGATE_ADMIN_JWKS_URL", "file:///keys"],
    ["LINKGATE_GATE_TOKENS_FILE", "/does/not/exist"],
    ["LINKGATE_FEED_TLS_CERT_FILE", "/does/not/exist"],
  ])("%s = '%s' is refused by name", (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems.some(problem => problem.startsWith(`${name} `))).toBe(true);
    expect(problems.join()).not.toContain("secret");
  });

  it("refuse a key of another certificate and a file without PEM", () => {
    expect(problemsOf({ LINKGATE_TLS_KEY_FILE: good.WRONG_KEY })).toEqual([
      "LINKGATE_TLS_KEY_FILE is not the key of LINKGATE_TLS_CERT_FILE.",
    ]);
    expect(problemsOf({ LINKGATE_TLS_CERT_FILE: good.NO_PEM })[0]).toContain("in PEM");
    expect(problemsOf({ LINKGATE_ARM_CLIENT_CERTS_FILE: good.NO_PEM })).toEqual([
      "LINKGATE_ARM_CLIENT_CERTS_FILE has no certificate in PEM.",
    ]);
  });
});
