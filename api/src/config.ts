import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Zone } from "./arm/context.ts";
import { CREDENTIAL_NAMES, namesCredential } from "./nrp/credential.ts";

/** `host:port` of a listener. */
export interface Listen {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

/** PEM. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** Everything the api is told from outside; see the settings in `readConfig`. */
export interface Config {
  /** `postgres://...` of the primary; absent: a PostgreSQL of its own in `dataDir`. */
  readonly databaseUrl?: string;
  readonly dataDir?: string;
  readonly arm: {
    readonly listen: Listen;
    readonly tls: Tls;
    /** ARM's client certificates, DER. */
    readonly clientCertificates: readonly Buffer[];
    /** Application ids of the Network Resource Provider, lower case. */
    readonly nrpAppIds: ReadonlySet<string>;
  };
  readonly feed: { readonly listen: Listen; readonly tls?: Tls; readonly tokensFile: string };
  readonly admin: {
    readonly listen: Listen;
    readonly tls: Tls;
    readonly issuer: string;
    readonly audience: string;
    readonly jwksUrl: string;
  };
  /** Absent: NRP is not told of deleted accounts, and can't be asked after a restore. */
  readonly nrp?: { readonly armUrl: string };
  readonly zones: readonly Zone[];
  /** Connections an account may have. */
  readonly maxConnections: number;
  /** Seconds between the barrier and the end of an operation (feed rule 28). */
  readonly linkQuarantine: number;
  /** Seconds that clients are told to wait between polls. */
  readonly retryAfter: number;
  /** Seconds on top of a silent gate's age limit (feed rule 24). */
  readonly ageMargin: number;
}

/** Every problem of a configuration, one sentence each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `The configuration has ${problems.length} problem(s):\n${problems.map(problem => `  ${problem}`).join("\n")}`,
    );
    this.name = "ConfigError";
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings from the environment.
 *
 * | name | meaning | default |
 * |---|---|---|
 * | `DATABASE_URL` | PostgreSQL's primary | an own server in `LINKGATE_DATA_DIR` |
 * | `LINKGATE_DATA_DIR` | folder of that server | - |
 * | `LINKGATE_ARM_LISTEN`, `LINKGATE_FEED_LISTEN`, `LINKGATE_ADMIN_LISTEN` | `host:port`, `[v6]:port`; port 0 is a free one | - |
 * | `LINKGATE_TLS_CERT_FILE`, `LINKGATE_TLS_KEY_FILE` | PEM, for ARM's and the admin listener | - |
 * | `LINKGATE_FEED_TLS_CERT_FILE`, `LINKGATE_FEED_TLS_KEY_FILE` | PEM, for the feed | plain HTTP |
 * | `LINKGATE_ARM_CLIENT_CERTS_FILE` | PEM, the client certificates that ARM may show | - |
 * | `LINKGATE_NRP_APP_IDS` | application ids of NRP, separated by commas | - |
 * | `LINKGATE_ZONES` | pairs `public/private` of DNS suffixes, separated by commas | - |
 * | `LINKGATE_GATE_TOKENS_FILE` | JSON of gate names and hashes of their tokens | - |
 * | `LINKGATE_ADMIN_ISSUER`, `LINKGATE_ADMIN_AUDIENCE`, `LINKGATE_ADMIN_JWKS_URL` | who signs platform engineers' tokens | - |
 * | `LINKGATE_ARM_URL` | Azure Resource Manager, by which NRP is reached | NRP is neither told nor asked |
 * | `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, and `AZURE_FEDERATED_TOKEN_FILE` or `AZURE_CLIENT_SECRET` or `AZURE_CLIENT_CERTIFICATE_PATH`; `AZURE_AUTHORITY_HOST` | who the api is there, see `nrp/credential.ts` | - |
 * | `LINKGATE_MAX_CONNECTIONS` | 1 to 1000 | 5 |
 * | `LINKGATE_LINK_QUARANTINE` | seconds, 0 to 86400 | 60 |
 * | `LINKGATE_RETRY_AFTER` | seconds, 1 to 600 (ARM RPC) | 10 |
 * | `LINKGATE_AGE_MARGIN` | seconds, 0 to 3600 | 60 |
 *
 * @throws ConfigError with every problem at once
 */
export function readConfig(env: Environment): Config {
  const reader = new Reader(env);
  const databaseUrl = reader.optional("DATABASE_URL");
  const tls = reader.tls("LINKGATE_TLS_CERT_FILE", "LINKGATE_TLS_KEY_FILE");
  const feedTls =
    (reader.optional("LINKGATE_FEED_TLS_CERT_FILE") ?? reader.optional("LINKGATE_FEED_TLS_KEY_FILE"))
      ? reader.tls("LINKGATE_FEED_TLS_CERT_FILE", "LINKGATE_FEED_TLS_KEY_FILE")
      : undefined;
  const config: Config = {
    ...(databaseUrl === undefined
      ? { dataDir: reader.required("LINKGATE_DATA_DIR") }
      : { databaseUrl: reader.url("DATABASE_URL", ["postgres:", "postgresql:"]) }),
    arm: {
      listen: reader.listen("LINKGATE_ARM_LISTEN"),
      tls,
      clientCertificates: reader.certificates("LINKGATE_ARM_CLIENT_CERTS_FILE"),
      nrpAppIds: new Set(reader.list("LINKGATE_NRP_APP_IDS").map(id => id.toLowerCase())),
    },
    feed: {
      listen: reader.listen("LINKGATE_FEED_LISTEN"),
      ...(feedTls === undefined ? {} : { tls: feedTls }),
      tokensFile: reader.existingFile("LINKGATE_GATE_TOKENS_FILE"),
    },
    admin: {
      listen: reader.listen("LINKGATE_ADMIN_LISTEN"),
      tls,
      issuer: reader.url("LINKGATE_ADMIN_ISSUER", ["https:", "http:"]),
      audience: reader.required("LINKGATE_ADMIN_AUDIENCE"),
      jwksUrl: reader.url("LINKGATE_ADMIN_JWKS_URL", ["https:", "http:"]),
    },
    ...reader.nrp(),
    zones: reader.zones("LINKGATE_ZONES"),
    maxConnections: reader.integer("LINKGATE_MAX_CONNECTIONS", 5, 1, 1000),
    linkQuarantine: reader.seconds("LINKGATE_LINK_QUARANTINE", 60, 0, 86_400),
    retryAfter: reader.integer("LINKGATE_RETRY_AFTER", 10, 1, 600),
    ageMargin: reader.seconds("LINKGATE_AGE_MARGIN", 60, 0, 3600),
  };
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return config;
}

const SUFFIX = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/;

/** Reads single settings and gathers what is wrong with them; a wrong one yields a placeholder that is never used. */
class Reader {
  readonly problems: string[] = [];
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  optional(name: string): string | undefined {
    const value = this.#env[name]?.trim();
    return value === "" ? undefined : value;
  }

  required(name: string): string {
    return this.optional(name) ?? this.#refuse(name, "is not set", "");
  }

  /** Without ARM's address NRP can't be reached; with it the api needs an identity there. */
  nrp(): Pick<Config, "nrp"> {
    if (this.optional("LINKGATE_ARM_URL") === undefined) return {};
    if (!namesCredential(this.#env)) {
      this.#refuse("LINKGATE_ARM_URL", `needs ${CREDENTIAL_NAMES}`, undefined);
    }
    return { nrp: { armUrl: this.url("LINKGATE_ARM_URL", ["https:"]) } };
  }

  list(name: string): string[] {
    const entries = this.required(name)
      .split(",")
      .map(entry => entry.trim());
    const filled = entries.filter(entry => entry !== "");
    if (this.optional(name) !== undefined && filled.length === 0) this.#refuse(name, "is empty", undefined);
    return filled;
  }

  url(name: string, protocols: readonly string[]): string {
    const value = this.required(name);
    if (value === "") return value;
    // The value is not repeated: a database's URL holds a password.
    if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
      return this.#refuse(name, `must be a URL that begins with ${protocols.join("// or ")}//`, "");
    }
    return value;
  }

  listen(name: string): Listen {
    const value = this.required(name);
    if (value === "") return { host: "", port: 0 };
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value);
    const port = Number(match?.[3]);
    if (match === null || port > 65_535)
      return this.#refuse(name, `must be host:port or [v6]:port, not '${value}'`, { host: "", port: 0 });
    return { host: match[1] ?? match[2] ?? "", port };
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    const value = this.seconds(name, fallback, least, most);
    return Number.isInteger(value) ? value : this.#refuse(name, "must be a whole number", fallback);
  }

  seconds(name: string, fallback: number, least: number, most: number): number {
    const text = this.optional(name);
    if (text === undefined) return fallback;
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    return this.#refuse(name, `must be a number from ${least} to ${most}, not '${text}'`, fallback);
  }

  zones(name: string): Zone[] {
    const zones = this.list(name).map(entry => {
      const [publicSuffix = "", privateSuffix = "", ...more] = entry.toLowerCase().split("/");
      if (more.length > 0 || !SUFFIX.test(publicSuffix) || !SUFFIX.test(privateSuffix)) {
        this.#refuse(name, `must list pairs public/private of DNS suffixes, not '${entry}'`, undefined);
      }
      return { public: publicSuffix, private: privateSuffix };
    });
    const suffixes = zones.flatMap(zone => [zone.public, zone.private]);
    if (new Set(suffixes).size !== suffixes.length) this.#refuse(name, "names a suffix twice", undefined);
    return zones;
  }

  existingFile(name: string): string {
    this.#read(name);
    return this.optional(name) ?? "";
  }

  certificates(name: string): Buffer[] {
    const blocks = this.#read(name)?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
    if (blocks === undefined) return [];
    if (blocks === null) return this.#refuse(name, "has no certificate in PEM", []);
    try {
      return blocks.map(block => new X509Certificate(block).raw);
    } catch {
      return this.#refuse(name, "has a certificate that can't be read", []);
    }
  }

  tls(certName: string, keyName: string): Tls {
    const cert = this.#read(certName);
    const key = this.#read(keyName);
    if (cert === undefined || key === undefined) return { cert: "", key: "" };
    try {
      if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
        this.#refuse(keyName, `is not the key of ${certName}`, undefined);
      }
    } catch {
      this.#refuse(certName, `and ${keyName} must be a certificate and its key in PEM`, undefined);
    }
    return { cert, key };
  }

  #read(name: string): string | undefined {
    const path = this.required(name);
    if (path === "") return undefined;
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      return this.#refuse(name, `names a file that can't be read: ${(error as Error).message}`, undefined);
    }
  }

  #refuse<T>(name: string, problem: string, placeholder: T): T {
    this.problems.push(`${name} ${problem}.`);
    return placeholder;
  }
}
