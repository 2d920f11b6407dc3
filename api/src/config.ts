import type { TokenRules } from "./admin/access/tokens.ts";
import type { AdminOptions } from "./admin/routes.ts";
import type { Zone } from "./arm/context.ts";
import { type Environment, SettingsReader } from "./settings-reader.ts";

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

/** Everything the api is told from outside; `SETTINGS` says where. */
export interface Config {
  /** `postgres://...` of the primary; absent: a PostgreSQL of its own in `dataDir`. */
  readonly databaseUrl?: string;
  readonly dataDir?: string;
  readonly arm: {
    readonly listen: Listen;
    readonly tls: Tls;
    /** ARM's client certificates in DER, or where ARM publishes them. */
    readonly clientCertificates: readonly Buffer[] | { readonly metadataUrl: string };
    /** Application ids of the Network Resource Provider, lower case. */
    readonly nrpAppIds: ReadonlySet<string>;
  };
  readonly feed: { readonly listen: Listen; readonly tls?: Tls; readonly tokensFile: string };
  readonly admin: {
    readonly listen: Listen;
    readonly tls: Tls;
    readonly tokens: TokenRules;
    /** Absent: people have nothing to see, platform engineers do. */
    readonly onBehalfOf?: AdminOptions["onBehalfOf"];
  };
  /** Plain HTTP for probes; absent: no such listener. */
  readonly health?: { readonly listen: Listen };
  /** Absent: NRP is not told of deleted accounts, and can't be asked after a restore. */
  readonly nrp?: { readonly armUrl: string };
  readonly zones: readonly Zone[];
  /** Whether callers other than NRP may PUT and DELETE connections; NRP is told then (design 5). */
  readonly customerWrites: boolean;
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

/**
 * Reads the settings from the environment; `SETTINGS` has their names and defaults.
 *
 * @throws ConfigError with every problem at once
 */
export function readConfig(env: Environment): Config {
  const reader = new SettingsReader(env);
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
      clientCertificates: reader.armCertificates(),
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
      tokens: {
        issuers: reader.list("LINKGATE_ADMIN_ISSUER"),
        audiences: reader.list("LINKGATE_ADMIN_AUDIENCE"),
        jwksUrl: reader.url("LINKGATE_ADMIN_JWKS_URL", ["https:", "http:"]),
        tenantId: reader.required("LINKGATE_ENTRA_TENANT_ID"),
        scope: reader.optional("LINKGATE_ADMIN_SCOPE") ?? "user_impersonation",
      },
      ...reader.onBehalfOf(),
    },
    ...(reader.optional("LINKGATE_HEALTH_LISTEN") === undefined
      ? {}
      : { health: { listen: reader.listen("LINKGATE_HEALTH_LISTEN") } }),
    ...reader.nrp(),
    zones: reader.zones("LINKGATE_ZONES"),
    customerWrites: reader.customerWrites(),
    maxConnections: reader.integer("LINKGATE_MAX_CONNECTIONS", 5, 1, 1000),
    linkQuarantine: reader.seconds("LINKGATE_LINK_QUARANTINE", 60, 0, 86_400),
    retryAfter: reader.integer("LINKGATE_RETRY_AFTER", 10, 1, 600),
    ageMargin: reader.seconds("LINKGATE_AGE_MARGIN", 60, 0, 3600),
  };
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return config;
}
