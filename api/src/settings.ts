/** What `--help` says of one setting. */
export interface Setting {
  /** What it means, and what may be written there. */
  readonly meaning: string;
  /** What holds when it is left out; absent: it must be given. */
  readonly fallback?: string;
}

/** Every setting of the api. Nothing else is read from the environment, so `--help` is complete. */
export const SETTINGS = {
  DATABASE_URL: {
    meaning: "PostgreSQL's primary, postgres://...",
    fallback: "a PostgreSQL of its own in LINKGATE_DATA_DIR",
  },
  LINKGATE_DATA_DIR: { meaning: "folder of that PostgreSQL", fallback: "none; needed without DATABASE_URL" },
  LINKGATE_ARM_LISTEN: { meaning: "where ARM calls: host:port or [v6]:port, port 0 is a free one" },
  LINKGATE_FEED_LISTEN: { meaning: "where gates follow the feed" },
  LINKGATE_ADMIN_LISTEN: { meaning: "where the portal and platform engineers call" },
  LINKGATE_HEALTH_LISTEN: { meaning: "plain HTTP, /livez and /readyz for probes", fallback: "no such listener" },
  LINKGATE_TLS_CERT_FILE: { meaning: "PEM, certificate of ARM's and the admin listener" },
  LINKGATE_TLS_KEY_FILE: { meaning: "PEM, its key" },
  LINKGATE_FEED_TLS_CERT_FILE: { meaning: "PEM, certificate of the feed's listener", fallback: "plain HTTP" },
  LINKGATE_FEED_TLS_KEY_FILE: { meaning: "PEM, its key", fallback: "plain HTTP" },
  LINKGATE_ARM_CLIENT_CERTS_FILE: {
    meaning: "PEM, the client certificates that ARM may show",
    fallback: "LINKGATE_ARM_METADATA_URL says; one of the two is needed",
  },
  LINKGATE_ARM_METADATA_URL: {
    meaning:
      "where ARM publishes its client certificates, read every hour; in Azure " +
      "https://management.azure.com:24582/metadata/authentication?api-version=2015-01-01",
    fallback: "LINKGATE_ARM_CLIENT_CERTS_FILE says",
  },
  LINKGATE_NRP_APP_IDS: { meaning: "application ids of the Network Resource Provider, separated by commas" },
  LINKGATE_CUSTOMER_WRITES: {
    meaning:
      "true: whoever ARM vouches for may PUT and DELETE connections, and the api tells NRP; needs LINKGATE_ARM_URL",
    fallback: "false: NRP alone",
  },
  LINKGATE_ZONES: { meaning: "pairs public/private of DNS suffixes, separated by commas" },
  LINKGATE_GATE_TOKENS_FILE: { meaning: "JSON of gate names and SHA-256 hashes of their tokens" },
  LINKGATE_ADMIN_ISSUER: { meaning: "issuer of people's tokens; several are separated by commas" },
  LINKGATE_ADMIN_AUDIENCE: { meaning: "audience of people's tokens; several are separated by commas" },
  LINKGATE_ADMIN_JWKS_URL: { meaning: "keys of people's tokens" },
  LINKGATE_ADMIN_SCOPE: { meaning: "delegated scope that people's tokens need", fallback: "user_impersonation" },
  LINKGATE_ENTRA_TENANT_ID: { meaning: "the one tenant whose tokens are taken" },
  LINKGATE_ENTRA_CLIENT_ID: {
    meaning: "application that asks LINKGATE_ARM_URL on behalf of people; the portal's tokens are for it",
    fallback: "nobody but platform engineers has anything to see",
  },
  LINKGATE_ENTRA_CLIENT_SECRET: { meaning: "its secret", fallback: "LINKGATE_ENTRA_CLIENT_SECRET_FILE has it" },
  LINKGATE_ENTRA_CLIENT_SECRET_FILE: { meaning: "file with its secret", fallback: "none" },
  LINKGATE_ENTRA_AUTHORITY_HOST: { meaning: "where it signs in", fallback: "https://login.microsoftonline.com" },
  LINKGATE_ARM_URL: {
    meaning: "Azure Resource Manager, by which NRP is reached; needs AZURE_...",
    fallback: "NRP is neither told nor asked",
  },
  AZURE_TENANT_ID: { meaning: "who the api is at LINKGATE_ARM_URL", fallback: "none" },
  AZURE_CLIENT_ID: { meaning: "who the api is at LINKGATE_ARM_URL", fallback: "none" },
  AZURE_FEDERATED_TOKEN_FILE: { meaning: "how it signs in: workload identity", fallback: "none" },
  AZURE_CLIENT_SECRET: { meaning: "or a secret", fallback: "none" },
  AZURE_CLIENT_CERTIFICATE_PATH: { meaning: "or a certificate, PEM with its key", fallback: "none" },
  AZURE_AUTHORITY_HOST: { meaning: "where it signs in", fallback: "https://login.microsoftonline.com" },
  LINKGATE_MAX_CONNECTIONS: { meaning: "connections an account may have, 1 to 1000", fallback: "5" },
  LINKGATE_LINK_QUARANTINE: {
    meaning:
      "seconds from the barrier to the end of a revocation: the longest life of a client's connection, 0 to 86400",
    fallback: "60",
  },
  LINKGATE_RETRY_AFTER: { meaning: "seconds between a client's polls, 1 to 600", fallback: "10" },
  LINKGATE_AGE_MARGIN: { meaning: "seconds on top of a silent gate's age limit, 0 to 3600", fallback: "60" },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

/** What `--help` prints. */
export function renderHelp(): string {
  const entries = Object.entries<Setting>(SETTINGS).map(([name, { meaning, fallback }]) => {
    const otherwise = fallback === undefined ? "must be given" : `default: ${fallback}`;
    return `  ${name}\n      ${meaning}\n      ${otherwise}\n`;
  });
  return `usage: npm start -w api -- [--config FILE]

The resource provider: ARM's calls, the registry, the feed that the gates follow, the admin API.
It says on one line of stdout where it listens; logs, one JSON object a line, go to stderr.

  --config FILE  settings as lines NAME=value; the environment wins. What Node itself reads, such as
                 NODE_EXTRA_CA_CERTS, belongs into the environment
  --help         this text

Settings:
${entries.join("")}
Exit codes: 0 stopped by SIGTERM or SIGINT, 1 failed, 64 wrong usage, 78 wrong settings
`;
}
